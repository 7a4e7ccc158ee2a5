//! Ways to break the protocol on purpose. A simulation that does not notice one of them proves nothing.

/// One breakage of the driver or the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// Commands are carried out before what they rest on is committed.
    CommandsBeforeCommit,
    /// Whatever a runner reports is taken for the attempt that is awaited.
    AnyTokenWillDo,
    /// The store takes what a former owner writes.
    NoFence,
    /// A run that is read back does not get its timer again.
    TimersForgotten,
    /// A run that is read back does not hear that its attempt is lost.
    LossForgotten,
    /// An effect that must not be repeated is repeated after an adoption.
    DoubtfulRepeated,
    /// An effect in flight is handed out again as the same attempt, behind the journal's back.
    AttemptReused,
    /// The store now and then says that it has written what it has not.
    AppendLost,
    /// A commit is two: a crash in between leaves the first half.
    CommitTorn,
    /// A run is said to be accepted before it is durable.
    AcceptedBeforeDurable,
    /// Somebody is told that a run will stop before that is durable.
    CancelBeforeDurable,
    /// Somebody is told that a run will stop which has ended otherwise meanwhile.
    CancelUnchecked,
    /// A commit whose answer was lost is written a second time, under new numbers.
    RetryRenumbered,
    /// A driver knows one timer of a run: another strand's takes its place.
    TimerOverwritten,
    /// A driver knows one attempt of a run: another strand's takes its place.
    AttemptOverwritten,
    /// Of the attempts in flight that were lost with a server, one is said to be.
    OneLossTold,
    /// What a runner reports does not reach a run that is paused.
    PausedDeaf,
    /// A run that a step calls is accepted in a commit of its own, after its caller's.
    CallApart,
    /// A step that waits for a run goes on as if it did not.
    CallNotAwaited,
    /// A run that is read back calls again what it waits for.
    CallAgain,
    /// That a called run is to stop is not in the commit in which its caller gives up.
    WishForgotten,
    /// A runner begins with whatever it was given, whether the lease holds or not.
    LeaseUnchecked,
    /// A runner asks whether the lease holds, not whether it is still the one under which it was given the attempt.
    TermIgnored,
    /// A file is kept in a commit of its own, after that of its step.
    FileApart,
    /// A restarted run does not copy the files that it goes on with.
    FilesLeftBehind,
    /// A restarted run does not write down all that it goes on from.
    CopyLost,
    /// Somebody is told that a step in doubt is decided on before that is durable.
    ResolveBeforeDurable,
    /// A step that somebody says has happened is handed out again.
    ResolvedRepeated,
}

impl Mutation {
    pub(crate) const ALL: [Self; 28] = [
        Self::CommandsBeforeCommit,
        Self::AnyTokenWillDo,
        Self::NoFence,
        Self::TimersForgotten,
        Self::LossForgotten,
        Self::DoubtfulRepeated,
        Self::AttemptReused,
        Self::AppendLost,
        Self::CommitTorn,
        Self::AcceptedBeforeDurable,
        Self::CancelBeforeDurable,
        Self::CancelUnchecked,
        Self::RetryRenumbered,
        Self::TimerOverwritten,
        Self::AttemptOverwritten,
        Self::OneLossTold,
        Self::PausedDeaf,
        Self::CallApart,
        Self::CallNotAwaited,
        Self::CallAgain,
        Self::WishForgotten,
        Self::LeaseUnchecked,
        Self::TermIgnored,
        Self::FileApart,
        Self::FilesLeftBehind,
        Self::CopyLost,
        Self::ResolveBeforeDurable,
        Self::ResolvedRepeated,
    ];
}
