//! The managed-identity endpoint over real services.
#![expect(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use gatepost_access::Access;
use gatepost_clock::{Clock, from_micros};
use gatepost_directory::{Directory, DirectoryError, ManagedIdentity, NewApplication, ServicePrincipal};
use gatepost_https::{Answer, Call, Edge};
use gatepost_metadata::Metadata;
use gatepost_names::{Origins, TenantId};
use gatepost_store::{Store, tenants};
use gatepost_tokens::{Resource, Tokens};
use http::{HeaderMap, HeaderName, Method};
use serde_json::Value;
use uuid::Uuid;

const PATH: &str = "/metadata/identity/oauth2/token";
const RESOURCE: &str = "resource=https%3A%2F%2Fcommunication.azure.com";

struct House {
    _folder: tempfile::TempDir,
    store: Store,
    directory: Directory,
    tokens: Tokens,
    tenant: TenantId,
    own: ServicePrincipal,
    metadata: Metadata,
}

impl House {
    fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("gatepost.db")).unwrap();
        let clock = Clock::fixed(from_micros(1_782_864_000_000_000));
        let access = Access::open(store.clone(), clock.clone()).unwrap();
        let directory = Directory::open(store.clone(), clock.clone(), access).unwrap();
        let tenant = TenantId(Uuid::new_v4());
        store
            .write(|tx| {
                let named = tenants::Tenant {
                    id: tenant,
                    display_name: "Contoso".to_owned(),
                    default_domain: "contoso.example".to_owned(),
                };
                tenants::insert_tenant(tx, &named, 0)?;
                directory.seed_tenant(tx, tenant)
            })
            .unwrap();
        let at = |port: u16| format!("https://localhost:{port}");
        let origins = Origins {
            portal: at(8443),
            authority: at(8444),
            resource_manager: at(8445),
            graph: at(8446),
            email: at(8447),
            provisioning: at(8448),
        };
        let tokens = Tokens::open(store.clone(), clock, directory.clone(), origins).unwrap();
        let own = directory.own_managed_identity(tenant).unwrap();
        let metadata =
            Metadata::new(tokens.clone(), directory.clone(), tenant, ManagedIdentity::Object(own.id));
        House { _folder: folder, store, directory, tokens, tenant, own, metadata }
    }

    fn call(&self, query: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        self.send(Method::GET, PATH, query, headers, "127.0.0.1:50000")
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        query: &str,
        headers: &[(&str, &str)],
        peer: &str,
    ) -> (u16, Value) {
        let mut map = HeaderMap::new();
        map.insert("host", "localhost:50342".parse().unwrap());
        for (name, value) in headers {
            map.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let answer: Answer = self.metadata.answer(Call {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: map,
            body: Bytes::new(),
            peer: peer.parse().unwrap(),
            request_id: Uuid::new_v4(),
        });
        assert_eq!(answer.headers()["cache-control"], "no-store");
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
    }
}

#[test]
fn a_program_on_this_machine_gets_a_token() {
    let house = House::new();
    let (status, body) = house.call(&format!("api-version=2018-02-01&{RESOURCE}"), &[("metadata", "true")]);
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["client_id"], house.own.app_id.to_string());
    assert_eq!(body["resource"], "https://communication.azure.com");
    assert!(body["expires_in"].as_str().unwrap().parse::<u32>().unwrap() > 3000);
    let token = body["access_token"].as_str().unwrap();
    let caller = house.tokens.verify(token, Resource::Communication).unwrap();
    assert_eq!(caller.object_id, house.own.id);
    // The same identity at the next start.
    assert_eq!(house.directory.own_managed_identity(house.tenant).unwrap(), house.own);
}

#[test]
fn identities_are_named_by_client_or_object_id() {
    let house = House::new();
    let (other, application) = house
        .store
        .write(|tx| {
            let other = house.directory.create_managed_identity(tx, house.tenant, "other", &[])?;
            let new = NewApplication { display_name: "app".to_owned(), ..NewApplication::default() };
            let application = house.directory.create_application(tx, house.tenant, new)?;
            let own = house.directory.create_service_principal(tx, house.tenant, application.app_id)?;
            Ok::<_, DirectoryError>((other, own))
        })
        .unwrap();
    let ask = |rest: &str| house.call(&format!("{RESOURCE}&{rest}"), &[("metadata", "true")]);
    for named in [
        format!("client_id={}", other.app_id),
        format!("object_id={}", other.id),
        format!("principal_id={}", other.id),
    ] {
        let (status, body) = ask(&named);
        assert_eq!((status, &body["client_id"]), (200, &Value::from(other.app_id.to_string())), "{named}");
    }
    for unknown in [
        format!("client_id={}", application.app_id),
        format!("object_id={}", application.id),
        format!("client_id={}", Uuid::new_v4()),
        "client_id=x".to_owned(),
        "msi_res_id=%2Fsubscriptions%2Fx".to_owned(),
    ] {
        let (status, body) = ask(&unknown);
        let expected = (400, &Value::from("Identity not found"));
        assert_eq!((status, &body["error_description"]), expected, "{unknown}");
    }
    assert_eq!(ask(&format!("client_id={}&object_id={}", other.app_id, other.id)).0, 400);
}

#[test]
fn what_others_make_a_program_ask_is_not_answered() {
    let house = House::new();
    let metadata = ("metadata", "true");
    for (headers, peer) in [
        (&[][..], "127.0.0.1:1"),
        (&[("metadata", "false")], "127.0.0.1:1"),
        (&[metadata, ("x-forwarded-for", "10.0.0.1")], "127.0.0.1:1"),
        (&[metadata, ("forwarded", "for=10.0.0.1")], "127.0.0.1:1"),
        (&[metadata, ("via", "1.1 proxy")], "127.0.0.1:1"),
        (&[metadata, ("origin", "https://evil.example")], "127.0.0.1:1"),
        (&[metadata, ("host", "rebound.evil.example")], "127.0.0.1:1"),
        (&[metadata], "10.0.0.7:1"),
    ] {
        let (status, body) = house.send(Method::GET, PATH, RESOURCE, headers, peer);
        assert_eq!((status, body.get("access_token")), (400, None), "{headers:?} {peer}");
    }
    let (status, body) = house.call("api-version=2018-02-01", &[metadata]);
    assert_eq!((status, body["error"].as_str()), (400, Some("invalid_request")));
    let (status, body) = house.call("resource=https%3A%2F%2Felsewhere.example", &[metadata]);
    assert_eq!((status, body["error"].as_str()), (400, Some("invalid_resource")));
    assert_eq!(house.send(Method::POST, PATH, RESOURCE, &[metadata], "127.0.0.1:1").0, 405);
    assert_eq!(house.send(Method::GET, "/metadata/instance", RESOURCE, &[metadata], "127.0.0.1:1").0, 404);
}
