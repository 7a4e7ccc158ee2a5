//! The step setting `retry`: `{attempts, initial_backoff, maximum_backoff, factor, jitter, when,
//! on_exhausted}`, or the number
//! of attempts alone.

use types::limits::{RETRY_ATTEMPTS_MAX, RETRY_BACKOFF_MS_MAX, RETRY_FACTOR_MAX};

use crate::bind::checkbox;
use crate::codes;
use crate::near::normal;
use crate::plan::{OnExhausted, Retry};
use crate::read::Reader;
use crate::read::flow::parse_duration;
use crate::read::outline::Place;
use crate::yaml::{Entry, Node};

const KEYS: [&str; 7] =
    ["attempts", "initial_backoff", "maximum_backoff", "factor", "jitter", "when", "on_exhausted"];
const SHAPE: &str = "write `retry: {attempts: 5, initial_backoff: 2}`; pauses are seconds, or `500ms`";

impl Reader<'_> {
    /// None if there is to be one attempt only, and the step fails with it.
    pub(super) fn retry(&mut self, node: &Node) -> Option<Retry> {
        let mut retry = Retry::default();
        match (node.entries(), node.scalar()) {
            (Some(entries), _) => self.retry_keys(entries, &mut retry),
            _ if node.is_empty() => return None,
            (_, Some(scalar)) if scalar.text.trim().parse::<f64>().is_err() => {
                // `true` is all that stands for itself, `false` for none.
                return match checkbox(&node.to_value()) {
                    Some(wanted) => wanted.then_some(retry),
                    None => {
                        self.refuse(node, "retry", "a map or a number of attempts");
                        None
                    }
                };
            }
            (_, Some(_)) => retry.attempts = self.attempts(node).unwrap_or(1),
            _ => self.refuse(node, "retry", "a map or a number of attempts"),
        }
        if retry.maximum_backoff_ms < retry.initial_backoff_ms {
            let message = "`maximum_backoff` is shorter than `initial_backoff`";
            self.problems.error(codes::INVALID_SETTING, node.at, message);
        }
        (retry.attempts > 1 || retry.on_exhausted == OnExhausted::Pause).then_some(retry)
    }

    fn retry_keys(&mut self, entries: &[Entry], retry: &mut Retry) {
        let mut maximum = None;
        for entry in entries {
            let node = &entry.value;
            if node.is_empty() {
                continue;
            }
            match normal(&entry.key.text).as_str() {
                "attempts" | "maxattempts" | "maximumattempts" => {
                    retry.attempts = self.attempts(node).unwrap_or(retry.attempts);
                }
                "initialbackoff" | "backoff" | "initialdelay" | "delay" | "initialinterval" | "interval" => {
                    let backoff = self.backoff(node, "initial_backoff");
                    retry.initial_backoff_ms = backoff.unwrap_or(retry.initial_backoff_ms);
                }
                "maximumbackoff" | "maxbackoff" | "maximumdelay" | "maxdelay" | "maximuminterval"
                | "maxinterval" => maximum = self.backoff(node, "maximum_backoff"),
                "factor" | "backofffactor" | "multiplier" | "backoffmultiplier" => {
                    let factor = self.between(node, "factor", 1.0, RETRY_FACTOR_MAX);
                    retry.factor = factor.unwrap_or(retry.factor);
                }
                "jitter" => match node.scalar().map(|scalar| scalar.text.to_ascii_lowercase()).as_deref() {
                    Some("true") => {}
                    Some("false") => retry.jitter = 0.0,
                    _ => retry.jitter = self.between(node, "jitter", 0.0, 1.0).unwrap_or(retry.jitter),
                },
                "when" | "if" | "onlywhen" | "retrywhen" => retry.when = self.retry_when(node),
                "onexhausted" | "exhausted" => retry.on_exhausted = self.on_exhausted(node),
                _ => self.near_miss(entry, "`retry`", &KEYS),
            }
        }
        // A first pause that is longer than the usual maximum is meant.
        let usual = retry.maximum_backoff_ms.max(retry.initial_backoff_ms);
        retry.maximum_backoff_ms = maximum.unwrap_or(usual);
    }

    /// It is looked at when the step has failed, so it may speak of the step itself.
    fn retry_when(&mut self, node: &Node) -> Option<crate::plan::PlanValue> {
        let place = self.place;
        if let Place::Step(step) = place {
            self.place = Place::AfterStep(step);
        }
        let when = self.when(node);
        self.place = place;
        when
    }

    fn on_exhausted(&mut self, node: &Node) -> OnExhausted {
        match node.scalar().map(|scalar| scalar.text.trim().to_ascii_lowercase()).as_deref() {
            Some("pause") => OnExhausted::Pause,
            Some("fail") => OnExhausted::Fail,
            _ => {
                self.refuse(node, "on_exhausted", "`fail` or `pause`");
                OnExhausted::Fail
            }
        }
    }

    fn attempts(&mut self, node: &Node) -> Option<u32> {
        let given = node.scalar().and_then(|scalar| scalar.text.trim().parse::<u32>().ok());
        let attempts = given.filter(|attempts| (1..=RETRY_ATTEMPTS_MAX).contains(attempts));
        if attempts.is_none() {
            self.refuse(node, "attempts", &format!("1 to {RETRY_ATTEMPTS_MAX}"));
        }
        attempts
    }

    /// Seconds, or a text such as `500ms`; to milliseconds.
    fn backoff(&mut self, node: &Node, what: &str) -> Option<u64> {
        let text = node.scalar().map(|scalar| scalar.text.trim().to_owned()).unwrap_or_default();
        #[allow(clippy::cast_precision_loss)] // an hour in milliseconds is exact
        let (written, max) = (parse_duration(&text).map(|millis| millis as f64), RETRY_BACKOFF_MS_MAX as f64);
        let millis = written.or_else(|| text.parse().ok().map(|seconds: f64| seconds * 1000.0));
        match millis.filter(|millis| (0.0..=max).contains(millis)) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and the maximum
            Some(millis) => Some(millis.round() as u64),
            None => {
                self.refuse(node, what, &format!("0 to {} seconds", RETRY_BACKOFF_MS_MAX / 1000));
                None
            }
        }
    }

    fn between(&mut self, node: &Node, what: &str, least: f64, most: f64) -> Option<f64> {
        let given = node.scalar().and_then(|scalar| scalar.text.trim().parse::<f64>().ok());
        let number = given.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.refuse(node, what, &format!("{least} to {most}"));
        }
        number
    }

    fn refuse(&mut self, node: &Node, what: &str, expected: &str) {
        let message = format!("`{what}` must be {expected}, not {}", node.describe());
        self.problems.error(codes::INVALID_SETTING, node.at, message).hint(SHAPE);
    }
}
