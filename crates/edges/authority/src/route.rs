//! Which endpoint a path names.

use gatepost_oauth::Endpoint;
use percent_encoding::percent_decode_str;

/// An endpoint of the authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/{tenant}[/v2.0]/.well-known/openid-configuration`
    Configuration { tenant: String, endpoint: Endpoint },
    /// `/{tenant}/discovery[/v2.0]/keys`
    Keys { tenant: String },
    /// `/{tenant}/oauth2[/v2.0]/token`
    Token { tenant: String, endpoint: Endpoint },
    /// `/{tenant}/oauth2[/v2.0]/authorize`
    Authorize { tenant: String, endpoint: Endpoint },
    /// `/{tenant}/oauth2[/v2.0]/devicecode`
    DeviceCode { tenant: String, endpoint: Endpoint },
    /// `/{tenant}/oauth2[/v2.0]/logout`
    Logout,
    /// `/{tenant}[/v2.0]/adminconsent`
    AdminConsent { tenant: String },
    /// `/device`, and where Entra has it: `/common/oauth2/deviceauth`
    Device,
    /// `/assets/{file}`
    Asset { file: String },
    /// `/common/discovery/instance`
    Instance,
    /// `/common/userrealm/{user}`
    UserRealm { user: String },
    /// `/error`
    ErrorPage,
}

/// The endpoint that a path names. Empty segments count for nothing, letter case matters in none.
pub(crate) fn of(path: &str) -> Option<Route> {
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let (first, rest) = segments.split_first()?;
    let rest: Vec<String> = rest.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let tenant = first.clone();
    Some(match rest.as_slice() {
        [] if first.eq_ignore_ascii_case("error") => Route::ErrorPage,
        [] if first.eq_ignore_ascii_case("device") => Route::Device,
        ["oauth2", "deviceauth"] if first.eq_ignore_ascii_case("common") => Route::Device,
        [file] if first.eq_ignore_ascii_case("assets") => Route::Asset { file: (*file).to_owned() },
        ["adminconsent"] | ["v2.0", "adminconsent"] => Route::AdminConsent { tenant },
        ["v2.0", ".well-known", "openid-configuration"] => {
            Route::Configuration { tenant, endpoint: Endpoint::V2 }
        }
        [".well-known", "openid-configuration"] => Route::Configuration { tenant, endpoint: Endpoint::V1 },
        ["discovery", "keys"] | ["discovery", "v2.0", "keys"] => Route::Keys { tenant },
        ["discovery", "instance"] if first.eq_ignore_ascii_case("common") => Route::Instance,
        ["userrealm", _] if first.eq_ignore_ascii_case("common") => {
            Route::UserRealm { user: segments.last()?.clone() }
        }
        ["oauth2", "v2.0", last] => of_oauth2(tenant, Endpoint::V2, last)?,
        ["oauth2", last] => of_oauth2(tenant, Endpoint::V1, last)?,
        _ => return None,
    })
}

fn of_oauth2(tenant: String, endpoint: Endpoint, last: &str) -> Option<Route> {
    Some(match last {
        "token" => Route::Token { tenant, endpoint },
        "authorize" => Route::Authorize { tenant, endpoint },
        "devicecode" => Route::DeviceCode { tenant, endpoint },
        "logout" => Route::Logout,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_their_endpoints() {
        let tenant = || "Contoso.example".to_owned();
        for (path, route) in [
            (
                "/Contoso.example/V2.0/.well-known/OpenID-Configuration",
                Some(Route::Configuration { tenant: tenant(), endpoint: Endpoint::V2 }),
            ),
            (
                "//Contoso.example//.well-known/openid-configuration/",
                Some(Route::Configuration { tenant: tenant(), endpoint: Endpoint::V1 }),
            ),
            (
                "/Contoso%2Eexample/oauth2/token",
                Some(Route::Token { tenant: tenant(), endpoint: Endpoint::V1 }),
            ),
            ("/common/discovery/instance", Some(Route::Instance)),
            ("/common/userrealm/A%40b.c", Some(Route::UserRealm { user: "A@b.c".to_owned() })),
            ("/x/oauth2/v2.0/logout", Some(Route::Logout)),
            ("/error", Some(Route::ErrorPage)),
            ("/device", Some(Route::Device)),
            ("/common/oauth2/deviceauth", Some(Route::Device)),
            ("/assets/gatepost.css", Some(Route::Asset { file: "gatepost.css".to_owned() })),
            ("/Contoso.example/adminconsent", Some(Route::AdminConsent { tenant: tenant() })),
            (
                "/Contoso.example/oauth2/v2.0/authorize",
                Some(Route::Authorize { tenant: tenant(), endpoint: Endpoint::V2 }),
            ),
            ("/", None),
            ("", None),
            ("/x", None),
            ("/x/discovery/instance", None),
            ("/x/oauth2/v2.0/token/more", None),
            ("/x/oauth2/v2.0", None),
            ("/prefix/x/oauth2/v2.0/token", None),
        ] {
            assert_eq!(of(path), route, "{path}");
        }
    }
}
