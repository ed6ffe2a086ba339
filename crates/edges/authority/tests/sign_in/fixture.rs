//! A tenant with a user and some clients, and a browser that only knows forms.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use gatepost_access::{Access, Caller, GLOBAL_ADMINISTRATOR};
use gatepost_authority::Authority;
use gatepost_clock::{Clock, from_micros};
use gatepost_directory::{Directory, DirectoryError, NewApplication, NewPassword, NewUser};
use gatepost_https::{Answer, Call, Edge};
use gatepost_names::{ApplicationId, ObjectId, Origins, PrincipalKind, TenantId};
use gatepost_store::{Store, tenants};
use gatepost_tokens::Tokens;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use uuid::{Uuid, uuid};

pub(crate) const TENANT: TenantId = TenantId(uuid!("7d1f3a52-93c4-4c8e-9d6b-0f2f5a6f0001"));
pub(crate) const OTHER: TenantId = TenantId(uuid!("7d1f3a52-93c4-4c8e-9d6b-0f2f5a6f0002"));
pub(crate) const AZ: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
pub(crate) const ARM: &str = "https://localhost:8445//.default offline_access openid profile";
pub(crate) const PASSWORD: &str = "correct horse battery staple 9";
pub(crate) const USER: &str = "ada@contoso.example";
pub(crate) const ADMIN: &str = "admin@contoso.example";
pub(crate) const WEB: &str = "https://app.example/callback";
// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// An application of the tenant.
pub(crate) struct App {
    pub(crate) app_id: ApplicationId,
    pub(crate) object: ObjectId,
    pub(crate) secret: String,
    pub(crate) secret_id: Uuid,
}

pub(crate) struct World {
    _dir: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) directory: Directory,
    pub(crate) tokens: Tokens,
    pub(crate) authority: Authority,
    pub(crate) admin: Caller,
    pub(crate) user: ObjectId,
    /// A server with a secret that signs its users in.
    pub(crate) web: App,
    /// An API with permissions of its own, and tokens of version 2.
    pub(crate) api: App,
}

pub(crate) fn origins() -> Origins {
    Origins {
        portal: "https://localhost:8443".to_owned(),
        authority: "https://localhost:8444".to_owned(),
        resource_manager: "https://localhost:8445".to_owned(),
        graph: "https://localhost:8446".to_owned(),
        email: "https://localhost:8447".to_owned(),
        provisioning: "https://localhost:8448".to_owned(),
    }
}

pub(crate) fn properties(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().unwrap().clone()
}

pub(crate) fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
    // 2027-01-15T08:00:00Z
    let clock = Clock::fixed(from_micros(1_800_000_000_000_000));
    let access = Access::open(store.clone(), clock.clone()).unwrap();
    let directory = Directory::open(store.clone(), clock.clone(), access.clone()).unwrap();
    let (user, admin, web, api) = store
        .write(|tx| {
            for (id, domain) in [(TENANT, "contoso.example"), (OTHER, "fabrikam.example")] {
                let tenant = tenants::Tenant {
                    id,
                    display_name: domain.to_owned(),
                    default_domain: domain.to_owned(),
                };
                tenants::insert_tenant(tx, &tenant, 0)?;
                directory.seed_tenant(tx, id)?;
            }
            let person = |tenant, name: &str, login: &str| {
                let new = NewUser { display_name: name, user_principal_name: login, password: PASSWORD };
                directory.create_user(tx, tenant, new)
            };
            let user = person(TENANT, "Ada", USER)?;
            let admin = person(TENANT, "Administrator", ADMIN)?;
            person(OTHER, "Eve", "eve@fabrikam.example")?;
            access.put_directory_role(tx, TENANT, admin, GLOBAL_ADMINISTRATOR)?;
            let app = |name: &str, sent: Value| {
                let new = NewApplication { display_name: name.to_owned(), properties: properties(sent) };
                let made = directory.create_application(tx, TENANT, new)?;
                directory.create_service_principal(tx, TENANT, made.app_id)?;
                let (credential, secret) =
                    directory.add_password(tx, TENANT, made.id, NewPassword::default())?;
                let secret_id = credential.key_id;
                Ok::<_, DirectoryError>(App { app_id: made.app_id, object: made.id, secret, secret_id })
            };
            let web = app(
                "Shop <script>",
                json!({
                    "web": {"redirectUris": [WEB, "https://app.example/other"], "implicitGrantSettings": {"enableIdTokenIssuance": true}},
                    "publicClient": {"redirectUris": ["http://localhost"]},
                    "spa": {"redirectUris": ["https://spa.example/"]},
                    "isFallbackPublicClient": true,
                }),
            )?;
            let api = app(
                "Orders API",
                json!({
                    "identifierUris": ["api://orders"],
                    "api": {
                        "requestedAccessTokenVersion": 2,
                        "oauth2PermissionScopes": [
                            {"id": "11111111-0000-4000-8000-000000000001", "value": "Orders.Read", "type": "User", "isEnabled": true,
                             "userConsentDisplayName": "Read your orders", "userConsentDescription": "Reads them."},
                            {"id": "11111111-0000-4000-8000-000000000002", "value": "Orders.Manage", "type": "Admin", "isEnabled": true,
                             "adminConsentDisplayName": "Manage all orders"},
                        ],
                    },
                    "web": {"redirectUris": ["https://api.example/cb"]},
                }),
            )?;
            Ok::<_, DirectoryError>((user, admin, web, api))
        })
        .unwrap();
    let admin = Caller::new(TENANT, admin, PrincipalKind::User, ADMIN.to_owned(), None);
    let tokens = Tokens::open(store.clone(), clock.clone(), directory.clone(), origins()).unwrap();
    let authority = Authority::new(tokens.clone(), directory.clone(), clock.clone(), origins());
    World { _dir: dir, store, clock, directory, tokens, authority, admin, user, web, api }
}

pub(crate) fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub(crate) fn body(answer: &Answer) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or_else(|_| panic!("no JSON: {}", text(answer)))
}

pub(crate) fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body().to_vec()).unwrap()
}

pub(crate) fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The claims of a JWT, unverified.
pub(crate) fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Status, `error` and code of a refusal.
pub(crate) fn refusal(answer: &Answer) -> (u16, String, u64) {
    let body = body(answer);
    let code = body["error_codes"][0].as_u64().unwrap();
    (answer.status().as_u16(), body["error"].as_str().unwrap().to_owned(), code)
}

pub(crate) fn expect(answer: &Answer, status: u16, error: &str, code: u64) {
    assert_eq!(refusal(answer), (status, error.to_owned(), code));
}

impl World {
    pub(crate) fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn call(
        &self,
        method: Method,
        target: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Answer {
        let target = target.strip_prefix("https://localhost:8444").unwrap_or(target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        self.authority.answer(Call {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: map,
            body: Bytes::from(body.to_owned()),
            peer: "192.0.2.1:1".parse().unwrap(),
            request_id: Uuid::nil(),
        })
    }

    pub(crate) fn post(&self, target: &str, form: &[(&str, &str)]) -> Answer {
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        self.call(Method::POST, target, &kind, &encoded(form))
    }

    pub(crate) fn token(&self, form: &[(&str, &str)]) -> Answer {
        self.post(&format!("/{TENANT}/oauth2/v2.0/token"), form)
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { world: self, cookie: None }
    }
}

/// A browser without scripts.
pub(crate) struct Browser<'a> {
    world: &'a World,
    pub(crate) cookie: Option<String>,
}

/// The forms of a page: where each goes, and its fields.
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) fields: HashMap<String, String>,
}

fn unescaped(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let at = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    Some(unescaped(tag[at..].split('"').next()?))
}

/// The form whose step this is; of a page that has others' forms, the first.
pub(crate) fn form(page: &str, step: &str) -> Form {
    let forms = page.split("<form ").skip(1).map(|form| {
        let form = form.split("</form>").next().unwrap();
        let action = attribute(&format!(" {form}"), "action").unwrap();
        let fields = form
            .split("<input ")
            .skip(1)
            .filter_map(|tag| {
                let tag = format!(" {}", tag.split('>').next().unwrap());
                Some((attribute(&tag, "name")?, attribute(&tag, "value").unwrap_or_default()))
            })
            .collect();
        Form { action, fields }
    });
    let mut found: Vec<Form> = forms.collect();
    let at = found
        .iter()
        .position(|form| step.is_empty() || form.fields.get("step").is_some_and(|found| found == step));
    found.swap_remove(at.unwrap_or_else(|| panic!("no form for {step} in {page}")))
}

impl Browser<'_> {
    fn send(&mut self, method: Method, target: &str, body: &str) -> Answer {
        let cookie = self.cookie.clone().map(|cookie| format!("other=1; __Host-gatepost={cookie}"));
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
        headers.extend(cookie.as_deref().map(|cookie| ("cookie", cookie)));
        let answer = self.world.call(method, target, &headers, body);
        let set = header(&answer, "set-cookie").to_owned();
        if let Some(cookie) = set.strip_prefix("__Host-gatepost=") {
            assert!(set.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{set}");
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        if header(&answer, "content-type").starts_with("text/html") {
            check_page(&answer);
        }
        answer
    }

    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.send(Method::GET, target, "")
    }

    /// Sends the page's form for a step with some of its fields filled in.
    pub(crate) fn submit(&mut self, page: &Answer, step: &str, filled: &[(&str, &str)]) -> Answer {
        let mut form = form(&text(page), step);
        for (name, value) in filled {
            form.fields.insert((*name).to_owned(), (*value).to_owned());
        }
        // A box that is not ticked is not sent.
        if !filled.iter().any(|(name, _)| *name == "for_all") {
            form.fields.remove("for_all");
        }
        let pairs: Vec<(&str, &str)> = form.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        self.send(Method::POST, &form.action, &encoded(&pairs))
    }

    pub(crate) fn sign_in(&mut self, page: &Answer, login: &str, password: &str) -> Answer {
        self.submit(page, "password", &[("username", login), ("password", password)])
    }

    /// Goes to an authorization request and signs the user in; the answer's fields at the redirect URI.
    pub(crate) fn authorize(&mut self, query: &[(&str, &str)], login: &str) -> HashMap<String, String> {
        let page = self.get(&authorize_url(query));
        let answer = self.sign_in(&page, login, PASSWORD);
        landed(&answer)
    }
}

/// What every page must have.
fn check_page(answer: &Answer) {
    let policy = header(answer, "content-security-policy");
    assert!(
        policy.starts_with("default-src 'none';") && policy.ends_with("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    assert_eq!(header(answer, "cache-control"), "no-store");
    assert_eq!(header(answer, "x-frame-options"), "DENY");
    assert_eq!(header(answer, "x-content-type-options"), "nosniff");
    assert_eq!(header(answer, "referrer-policy"), "no-referrer");
    let page = text(answer);
    // Scripts are files; nothing that came from outside is markup.
    assert!(!page.contains("<script>") && !page.contains(" style=") && !page.contains(" onclick"), "{page}");
    assert!(page.len() < 100 * 1024);
}

pub(crate) fn authorize_url(query: &[(&str, &str)]) -> String {
    format!("/{TENANT}/oauth2/v2.0/authorize?{}", encoded(query))
}

/// The fields of an answer that arrives at a redirect URI, however it travels.
pub(crate) fn landed(answer: &Answer) -> HashMap<String, String> {
    let location = header(answer, "location");
    if location.is_empty() {
        let form = form(&text(answer), "");
        let mut fields = form.fields;
        fields.insert("(uri)".to_owned(), form.action);
        return fields;
    }
    let at = location.find(['?', '#']).unwrap_or_else(|| panic!("nothing in {location}"));
    let mut fields: HashMap<String, String> =
        form_urlencoded::parse(&location.as_bytes()[at + 1..]).into_owned().collect();
    fields.insert("(uri)".to_owned(), location[..at].to_owned());
    fields
}

/// az's request, as it sends it.
pub(crate) fn az<'a>() -> Vec<(&'a str, &'a str)> {
    vec![
        ("client_id", AZ),
        ("response_type", "code"),
        ("redirect_uri", "http://localhost:53712"),
        ("scope", ARM),
        ("state", "a state & more"),
        ("response_mode", "form_post"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("nonce", "0123abc"),
        ("client_info", "1"),
        ("claims", r#"{"access_token":{"xms_cc":{"values":["CP1"]}}}"#),
        ("prompt", "select_account"),
    ]
}

/// The same with some parameters changed or, by an empty value, taken away.
pub(crate) fn changed<'a>(
    query: &[(&'a str, &'a str)],
    changes: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut query = query.to_vec();
    for (name, value) in changes {
        query.retain(|(key, _)| key != name);
        if !value.is_empty() {
            query.push((name, value));
        }
    }
    query
}

/// How az redeems its code.
pub(crate) fn redemption(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", AZ),
        ("code", code),
        ("redirect_uri", "http://localhost:53712"),
        ("code_verifier", VERIFIER),
        ("scope", ARM),
        ("client_info", "1"),
    ]
}
