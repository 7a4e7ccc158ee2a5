//! Routes of signing in: sessions, passwords, second factors.

use http::Method;
use types::Permission::AccountEdit;

use crate::http::describe::Describe;
use crate::http::routes::Access::{Authenticated, Public, TenantNeeds};
use crate::http::routes::Routes;
use crate::http::sessions;

/// Everything about signing in.
pub(super) fn routes(routes: Routes) -> Routes {
    single_sign_on(second_factors(passwords(sessions_of_the_caller(routes))))
}

fn sessions_of_the_caller(routes: Routes) -> Routes {
    let tag = "User Settings";
    routes
        .root(
            Method::POST,
            "/session",
            sessions::create,
            Public,
            Describe::new("SignIn", tag, "Signs in: answers the cookie of a session")
                .body::<sessions::SignInInput>()
                .one::<sessions::CurrentSession>()
                .error(401, "Address, password or code are not right, or a code is needed")
                .error(403, "A page of another origin asks")
                .error(429, "Failed too often"),
        )
        .root(
            Method::GET,
            "/session",
            sessions::current,
            Authenticated,
            Describe::new("GetSession", tag, "Who has signed in").one::<sessions::CurrentSession>(),
        )
        .root(
            Method::DELETE,
            "/session",
            sessions::end,
            Authenticated,
            Describe::new("SignOut", tag, "Signs out").text().error(404, "The request came with an API key"),
        )
        .root(
            Method::GET,
            "/sessions",
            sessions::list,
            Authenticated,
            Describe::new("ListSessions", tag, "The caller's sessions").array::<sessions::Session>(),
        )
        .root(
            Method::DELETE,
            "/sessions/{id}",
            sessions::end_one,
            Authenticated,
            Describe::new("EndSession", tag, "Ends a session of the caller")
                .id("The session's id")
                .text()
                .error(404, "No such session"),
        )
}

fn passwords(routes: Routes) -> Routes {
    let tag = "User Settings";
    routes
        .root(
            Method::PUT,
            "/user/password",
            sessions::change,
            Authenticated,
            Describe::new("ChangePassword", tag, "Another password of the caller; other sessions end")
                .body::<sessions::NewPasswordInput>()
                .text()
                .error(400, "The new password is not good enough")
                .error(403, "The present password is another one")
                .error(429, "Failed too often"),
        )
        .root(
            Method::POST,
            "/user/{id}/password_reset",
            sessions::create_reset,
            TenantNeeds(AccountEdit),
            Describe::new("CreatePasswordReset", tag, "A link with which a user sets a password once")
                .id("The user's id")
                .body::<sessions::ResetInput>()
                .one::<sessions::Reset>()
                .error(404, "No such user, or one who is switched off"),
        )
        .root(
            Method::POST,
            "/password_reset/{code}",
            sessions::redeem,
            Public,
            Describe::new("UsePasswordReset", tag, "Sets the password that the link is for")
                .body::<sessions::PasswordInput>()
                .text()
                .error(400, "The password is not good enough")
                .error(404, "No such link, or one that was used or has expired"),
        )
}

fn single_sign_on(routes: Routes) -> Routes {
    let tag = "User Settings";
    routes
        .root(
            Method::GET,
            "/sign_in/methods",
            sessions::methods,
            Public,
            Describe::new("ListSignInMethods", tag, "How people sign in here")
                .one::<sessions::SignInMethods>(),
        )
        .root(
            Method::GET,
            "/sign_in/sso",
            sessions::sso_start,
            Public,
            Describe::new("StartSso", tag, "Sends the browser to the provider of single sign-on")
                .query("return_to", "string", "Where the browser goes at the end, a path of this server")
                .empty()
                .error(400, "`return_to` is no path of this server")
                .error(404, "There is no provider")
                .error(503, "The provider does not answer"),
        )
        .root(
            Method::GET,
            sessions::SSO_CALLBACK,
            sessions::sso_callback,
            Public,
            Describe::new(
                "FinishSso",
                tag,
                "Where the provider sends the browser back to: gives it a session",
            )
            .query("code", "string", "What the provider vouches by")
            .query("state", "string", "Which sign-in it belongs to")
            .query("iss", "string", "Who the provider is")
            .query("error", "string", "Why it does not vouch")
            .empty()
            .error(400, "The browser has begun no such sign-in")
            .error(401, "The provider does not vouch, or the person may not enter")
            .error(404, "There is no provider")
            .error(429, "Failed too often")
            .error(503, "The provider does not answer"),
        )
        .root(
            Method::DELETE,
            "/user/{id}/identities",
            sessions::forget_identities,
            TenantNeeds(AccountEdit),
            Describe::new("ForgetIdentities", tag, "Forgets as whom a provider knows the user")
                .id("The user's id")
                .text()
                .error(404, "No such user, or no provider knows them"),
        )
}

fn second_factors(routes: Routes) -> Routes {
    let tag = "User Settings";
    routes
        .root(
            Method::POST,
            "/user/totp",
            sessions::start_totp,
            Authenticated,
            Describe::new("StartTotp", tag, "A new authenticator of the caller, to be confirmed")
                .one::<sessions::TotpStart>()
                .error(400, "There is one already")
                .error(403, "The request came with an API key"),
        )
        .root(
            Method::POST,
            "/user/totp/confirm",
            sessions::confirm_totp,
            Authenticated,
            Describe::new("ConfirmTotp", tag, "Shows that the authenticator works; answers recovery codes")
                .body::<sessions::ConfirmInput>()
                .one::<sessions::RecoveryCodes>()
                .error(400, "Another code")
                .error(403, "The request came with an API key")
                .error(404, "None waits to be confirmed"),
        )
        .root(
            Method::DELETE,
            "/user/totp",
            sessions::remove_totp,
            Authenticated,
            Describe::new("RemoveTotp", tag, "Removes the caller's authenticator")
                .body::<sessions::OwnPasswordInput>()
                .text()
                .error(403, "The present password is another one")
                .error(404, "There is none"),
        )
}
