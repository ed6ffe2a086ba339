//! A directory over a real store, with an application and a user to prove things by.
#![expect(clippy::unwrap_used, reason = "tests")]
#![allow(
    dead_code,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    reason = "each test file uses a part"
)]

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gatepost_access::Access;
use gatepost_clock::{Clock, from_micros};
use gatepost_credentials::assertion;
use gatepost_directory::{
    ClientError, ClientProof, Directory, DirectoryError, NewApplication, NewCertificate, NewUser,
    VerifiedDomain,
};
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_store::{Store, tenants};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const AUTHORITY: &str = "https://localhost:8444";
/// 2026-07-01.
pub(crate) const START: i64 = 1_782_864_000;
pub(crate) const PASSWORD: &str = "Kw9!vmzp-first";

pub(crate) struct House {
    folder: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) access: Access,
    pub(crate) directory: Directory,
    pub(crate) tenant: TenantId,
    pub(crate) application: ObjectId,
    pub(crate) service_principal: ObjectId,
    pub(crate) app_id: ApplicationId,
    pub(crate) user: ObjectId,
}

impl House {
    pub(crate) fn new() -> House {
        House::with(gatepost_fetch::Settings::default())
    }

    pub(crate) fn with(outside: gatepost_fetch::Settings) -> House {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("gatepost.db")).unwrap();
        let clock = Clock::fixed(from_micros(START * 1_000_000));
        let access = Access::open(store.clone(), clock.clone()).unwrap();
        let directory = Directory::open_with(store.clone(), clock.clone(), access.clone(), outside).unwrap();
        let tenant = TenantId(Uuid::new_v4());
        let (application, service_principal, user) = store
            .write(|tx| {
                let domain = "contoso.example".to_owned();
                let named = tenants::Tenant {
                    id: tenant,
                    display_name: "Contoso".to_owned(),
                    default_domain: domain.clone(),
                };
                tenants::insert_tenant(tx, &named, 0)?;
                directory.seed_tenant(tx, tenant)?;
                drop(directory.add_domain(tx, tenant, &VerifiedDomain { name: domain, is_initial: true }));
                let new = NewApplication { display_name: "app".to_owned(), ..NewApplication::default() };
                let application = directory.create_application(tx, tenant, new)?;
                let own = directory.create_service_principal(tx, tenant, application.app_id)?;
                let new = NewUser {
                    display_name: "Ada",
                    user_principal_name: "ada@contoso.example",
                    password: PASSWORD,
                };
                let user = directory.create_user(tx, tenant, new)?;
                Ok::<_, DirectoryError>((application, own.id, user))
            })
            .unwrap();
        House {
            folder,
            store,
            clock,
            access,
            directory,
            tenant,
            application: application.id,
            service_principal,
            app_id: application.app_id,
            user,
        }
    }

    /// The same data after a restart.
    pub(crate) fn restarted(&self) -> Directory {
        let store = Store::open(&self.folder.path().join("gatepost.db")).unwrap();
        Directory::open(store, self.clock.clone(), self.access.clone()).unwrap()
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    pub(crate) fn audiences(&self) -> Vec<String> {
        let tenant = self.tenant.to_string();
        assertion::audiences(AUTHORITY, "contoso.example", &tenant, ["contoso.example"])
    }

    pub(crate) fn sign_in(&self, assertion: &str) -> Result<ClientProof, ClientError> {
        self.directory.verify_assertion(self.tenant, Some(self.app_id), assertion, &self.audiences())
    }

    pub(crate) fn register(&self, key: &Key) -> Uuid {
        let entry = json!({
            "type": "AsymmetricX509Cert", "usage": "Verify", "key": STANDARD.encode(&key.certificate),
        });
        let new = NewCertificate::parse(entry.as_object().unwrap(), "Application").unwrap();
        self.store
            .write(|tx| self.directory.add_certificate(tx, self.tenant, self.application, new))
            .unwrap()
            .key_id
    }

    /// What an application claims of itself.
    pub(crate) fn own_claims(&self) -> Value {
        json!({
            "iss": self.app_id, "sub": self.app_id, "jti": Uuid::new_v4(), "iat": self.now(),
            "exp": self.now() + 600, "aud": format!("{AUTHORITY}/{}/oauth2/v2.0/token", self.tenant),
        })
    }
}

/// A key with a certificate of it.
pub(crate) struct Key {
    pair: RsaKeyPair,
    pub(crate) certificate: Vec<u8>,
}

impl Key {
    pub(crate) fn make() -> Key {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        let signer = rcgen::KeyPair::try_from(private.as_ref()).unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2027, 1, 1);
        let certificate = params.self_signed(&signer).unwrap().der().to_vec();
        Key { pair, certificate }
    }

    /// One for all tests that need no other: making one takes a while.
    pub(crate) fn shared() -> &'static Key {
        static SHARED: OnceLock<Key> = OnceLock::new();
        SHARED.get_or_init(Key::make)
    }

    pub(crate) fn x5t(&self) -> String {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &self.certificate);
        URL_SAFE_NO_PAD.encode(hash)
    }

    pub(crate) fn x5t_s256(&self) -> String {
        URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.certificate))
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let encoding: &'static dyn RsaEncoding =
            if header["alg"] == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(encoding, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// An assertion as MSAL for Python makes one.
    pub(crate) fn assert(&self, claims: &Value) -> String {
        self.sign(&json!({ "alg": "RS256", "typ": "JWT", "x5t": format!("{}=", self.x5t()) }), claims)
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let public = PublicKeyComponents::<Vec<u8>>::from(self.pair.public_key());
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
            "n": URL_SAFE_NO_PAD.encode(public.n), "e": URL_SAFE_NO_PAD.encode(public.e),
        })
    }
}
