//! The edge over a real store, and short ways to ask it.

use bytes::Bytes;
use gatepost_access::{Access, GLOBAL_ADMINISTRATOR};
use gatepost_clock::{Clock, from_micros};
use gatepost_directory::{Directory, DirectoryError, NewApplication, NewUser};
use gatepost_graph::Graph;
use gatepost_https::{Answer, Call, Edge};
use gatepost_names::{ApplicationId, ObjectId, Origins, TenantId};
use gatepost_store::{Store, tenants};
use gatepost_tokens::Tokens;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use uuid::{Uuid, uuid};

pub(crate) const REQUEST: Uuid = uuid!("11111111-2222-4333-8444-555555555555");
pub(crate) const G: &str = "https://localhost:8446";

pub(crate) struct House {
    _dir: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) directory: Directory,
    pub(crate) tokens: Tokens,
    pub(crate) graph: Graph,
    pub(crate) tenant: TenantId,
    pub(crate) user: ObjectId,
    /// A token of an application that is a Global Administrator.
    pub(crate) token: String,
    /// The same application's identity.
    pub(crate) automation: (ObjectId, ApplicationId, ObjectId),
}

/// A reply, taken apart.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl House {
    pub(crate) fn new() -> House {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        let clock = Clock::fixed(from_micros(1_767_225_600_000_000)); // 2026-01-01
        let access = Access::open(store.clone(), clock.clone()).unwrap();
        let directory = Directory::open(store.clone(), clock.clone(), access.clone()).unwrap();
        let origin = |port: u16| format!("https://localhost:{port}");
        let origins = Origins {
            portal: origin(8443),
            authority: origin(8444),
            resource_manager: origin(8445),
            graph: origin(8446),
            email: origin(8447),
            provisioning: origin(8448),
        };
        let tokens = Tokens::open(store.clone(), clock.clone(), directory.clone(), origins.clone()).unwrap();
        let tenant = TenantId(Uuid::new_v4());
        let made = store.write(|tx| {
            let row = tenants::Tenant {
                id: tenant,
                display_name: "Contoso".to_owned(),
                default_domain: "contoso.example".to_owned(),
            };
            tenants::insert_tenant(tx, &row, 0)?;
            directory.seed_tenant(tx, tenant)?;
            let new = NewUser {
                display_name: "Ada Admin",
                user_principal_name: "admin@contoso.example",
                password: "correct horse battery staple",
            };
            let user = directory.create_user(tx, tenant, new)?;
            let new = NewApplication { display_name: "automation".to_owned(), ..NewApplication::default() };
            let application = directory.create_application(tx, tenant, new)?;
            let own = directory.create_service_principal(tx, tenant, application.app_id)?;
            access.put_directory_role(tx, tenant, own.id, GLOBAL_ADMINISTRATOR)?;
            Ok::<_, DirectoryError>((user, (application.id, application.app_id, own.id)))
        });
        let (user, automation) = made.unwrap();
        let graph = Graph::new(directory.clone(), tokens.clone(), access, clock.clone(), origins);
        let mut house = House {
            _dir: dir,
            store,
            clock,
            directory,
            tokens,
            graph,
            tenant,
            user,
            token: String::new(),
            automation,
        };
        house.token = house.token_of(automation.1, G);
        house
    }

    pub(crate) fn token_of(&self, app_id: ApplicationId, audience: &str) -> String {
        let client = self.directory.client(self.tenant, app_id).unwrap().unwrap();
        self.tokens.client_credentials(self.tenant, &client, audience, &[]).unwrap().access_token
    }

    pub(crate) fn call(&self, method: &Method, target: &str, body: &str, headers: &[(&str, &str)]) -> Reply {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut fields = HeaderMap::new();
        let bearer = format!("Bearer {}", self.token);
        fields.insert("authorization", HeaderValue::from_str(&bearer).unwrap());
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            fields.insert(name, HeaderValue::from_str(value).unwrap());
        }
        taken_apart(self.graph.answer(Call {
            method: method.clone(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: fields,
            body: Bytes::from(body.to_owned()),
            peer: ([127, 0, 0, 1], 5000).into(),
            request_id: REQUEST,
        }))
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.call(&Method::GET, target, "", &[])
    }

    pub(crate) fn advanced(&self, target: &str) -> Reply {
        self.call(&Method::GET, target, "", &[("ConsistencyLevel", "eventual")])
    }

    pub(crate) fn post(&self, target: &str, body: &Value) -> Reply {
        self.call(&Method::POST, target, &body.to_string(), &[])
    }

    pub(crate) fn patch(&self, target: &str, body: &Value) -> Reply {
        self.call(&Method::PATCH, target, &body.to_string(), &[])
    }

    pub(crate) fn delete(&self, target: &str) -> Reply {
        self.call(&Method::DELETE, target, "", &[])
    }

    /// Makes an application over the edge; its object id and client id.
    pub(crate) fn application(&self, name: &str) -> (String, String) {
        let made = self.post("/v1.0/applications", &json!({"displayName": name}));
        assert_eq!(made.status, 201, "{}", made.body);
        (made.text("id"), made.text("appId"))
    }
}

impl Reply {
    pub(crate) fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body["value"].as_array().unwrap().iter().map(|v| v["displayName"].as_str().unwrap()).collect()
    }

    /// Asserts that this is a refusal in Graph's form.
    pub(crate) fn refuses(&self, status: u16, code: &str, message: &str) {
        let error = &self.body["error"];
        assert_eq!(
            (self.status, error["code"].as_str(), error["message"].as_str()),
            (status, Some(code), Some(message))
        );
        let inner = error["innerError"].as_object().unwrap();
        assert_eq!(inner["date"], "2026-01-01T00:00:00");
        assert_eq!(inner["request-id"], REQUEST.to_string());
        assert!(inner["client-request-id"].is_string());
        assert_eq!(self.header("odata-version"), "4.0");
    }
}

pub(crate) fn taken_apart(answer: Answer) -> Reply {
    let (parts, body) = answer.into_parts();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Reply { status: parts.status.as_u16(), headers: parts.headers, body }
}
