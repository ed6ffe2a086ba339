//! Applications that sign in with a certificate.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod credential_house;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use credential_house::{AUTHORITY, House, Key};
use gatepost_access::Caller;
use gatepost_directory::{
    ClientError, CredentialKind, DirectoryError, NewCertificate, ObjectKey, ObjectKind,
};
use gatepost_names::{ApplicationId, PrincipalKind};
use gatepost_store::credentials::Signer;
use serde_json::{Value, json};
use uuid::Uuid;

#[test]
fn a_certificate_signs_in_as_each_library_does_it() {
    let house = House::new();
    let key = Key::shared();
    let key_id = house.register(key);
    for header in [
        json!({ "alg": "RS256", "x5t": format!("{}=", key.x5t()) }),
        json!({ "alg": "RS256", "x5t": key.x5t(), "x5c": [STANDARD.encode(&key.certificate)] }),
        json!({ "alg": "PS256", "x5t#S256": key.x5t_s256() }),
        json!({ "alg": "PS256", "x5t#S256": format!("{}=", key.x5t_s256()), "x5t": key.x5t() }),
    ] {
        let proof = house.sign_in(&key.sign(&header, &house.own_claims())).unwrap();
        assert_eq!((proof.credential, proof.kind), (key_id, CredentialKind::Certificate), "{header}");
        assert!(proof.client.has_credential(key_id));
    }
}

#[test]
fn what_is_wrong_is_said() {
    let house = House::new();
    let (key, other) = (Key::shared(), Key::make());
    house.register(key);
    let changed = |name: &str, value: Value| {
        let mut claims = house.own_claims();
        claims[name] = value;
        house.sign_in(&key.assert(&claims)).unwrap_err()
    };
    let now = house.now();
    let stranger = Uuid::new_v4();
    assert!(matches!(changed("sub", json!(stranger)), ClientError::AssertionSubject));
    assert!(matches!(changed("iss", json!(stranger)), ClientError::NoFederatedCredential));
    assert!(matches!(changed("aud", json!("https://elsewhere/x")), ClientError::AssertionAudience));
    assert!(matches!(changed("aud", json!(AUTHORITY)), ClientError::AssertionAudience));
    assert!(matches!(changed("exp", json!(now - 301)), ClientError::AssertionTime));
    assert!(matches!(changed("exp", json!(now + 86_500)), ClientError::AssertionTime), "too long a life");
    assert!(matches!(changed("nbf", json!(now + 400)), ClientError::AssertionTime));
    assert!(matches!(changed("exp", json!("soon")), ClientError::BadAssertion));

    let claims = house.own_claims();
    assert!(matches!(house.sign_in(&other.assert(&claims)), Err(ClientError::UnknownCertificate)));
    // The registered certificate's thumbprint over another key's signature.
    let header = json!({ "alg": "RS256", "x5t": key.x5t() });
    assert!(matches!(
        house.sign_in(&other.sign(&header, &claims)),
        Err(ClientError::WrongAssertionSignature)
    ));
    // One thumbprint right, the other wrong.
    let header = json!({ "alg": "RS256", "x5t": key.x5t(), "x5t#S256": other.x5t_s256() });
    assert!(matches!(house.sign_in(&key.sign(&header, &claims)), Err(ClientError::UnknownCertificate)));
    // No thumbprint: the certificate in the header is not asked.
    let header = json!({ "alg": "RS256", "kid": key.x5t(), "x5c": [STANDARD.encode(&key.certificate)] });
    assert!(matches!(house.sign_in(&key.sign(&header, &claims)), Err(ClientError::UnknownCertificate)));
    // A padding that the signature was not made with.
    let signed = key.assert(&claims);
    let message = signed.split('.').nth(1).unwrap();
    let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "PS256", "x5t": key.x5t() }).to_string());
    let signature = signed.rsplit('.').next().unwrap();
    let swapped = format!("{header}.{message}.{signature}");
    assert!(matches!(house.sign_in(&swapped), Err(ClientError::WrongAssertionSignature)));
    assert!(house.sign_in(&signed).is_ok(), "and the honest one goes through");
}

#[test]
fn algorithms_that_prove_nothing_are_refused() {
    let house = House::new();
    let key = Key::shared();
    house.register(key);
    let signed = key.assert(&house.own_claims());
    let parts: Vec<&str> = signed.split('.').collect();
    for alg in ["none", "None", "NONE", "", "HS256", "HS512", "RS1", "ES256K"] {
        let header = json!({ "alg": alg, "x5t": key.x5t(), "typ": "JWT" });
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        // HS256 with the certificate, which is public, as the shared secret.
        let mac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key.certificate);
        let mac = aws_lc_rs::hmac::sign(&mac, format!("{header}.{}", parts[1]).as_bytes());
        for signature in ["", parts[2], &URL_SAFE_NO_PAD.encode(mac)] {
            let text = format!("{header}.{}.{signature}", parts[1]);
            assert!(matches!(house.sign_in(&text), Err(ClientError::BadAssertion)), "{alg}");
        }
    }
    // A key that verifies RSA verifies no curve.
    let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "ES256", "x5t": key.x5t() }).to_string());
    let text = format!("{header}.{}.{}", parts[1], URL_SAFE_NO_PAD.encode([1; 64]));
    assert!(matches!(house.sign_in(&text), Err(ClientError::WrongAssertionSignature)));
}

#[test]
fn an_assertion_is_good_once_also_after_a_restart() {
    let house = House::new();
    let key = Key::shared();
    house.register(key);
    let assertion = key.assert(&house.own_claims());
    house.sign_in(&assertion).unwrap();
    assert!(matches!(house.sign_in(&assertion), Err(ClientError::AssertionReplayed)));
    let again = house.restarted();
    let replayed = again.verify_assertion(house.tenant, Some(house.app_id), &assertion, &house.audiences());
    assert!(matches!(replayed, Err(ClientError::AssertionReplayed)));
    // The same name in another assertion is the same; without a name, the text is it.
    let mut claims = house.own_claims();
    claims["jti"] = json!("once");
    house.sign_in(&key.assert(&claims)).unwrap();
    claims["iat"] = json!(house.now() - 1);
    assert!(matches!(house.sign_in(&key.assert(&claims)), Err(ClientError::AssertionReplayed)));
    claims["jti"] = Value::Null;
    let nameless = key.assert(&claims);
    house.sign_in(&nameless).unwrap();
    assert!(matches!(house.sign_in(&nameless), Err(ClientError::AssertionReplayed)));
    // Once it has ended it is over anyway, and forgotten.
    house.clock.advance(Duration::from_secs(3600));
    assert!(matches!(house.sign_in(&assertion), Err(ClientError::AssertionTime)));
    house.sign_in(&key.assert(&house.own_claims())).unwrap();
    let kept = house
        .store
        .read(|conn| gatepost_store::credentials::count_used_assertions(conn, house.signer(), 100));
    assert_eq!(kept.unwrap(), 1);
}

#[test]
fn a_key_id_is_of_one_object_and_assertions_are_of_one_client() {
    let house = House::new();
    let key = Key::shared();
    let key_id = house.register(key);
    let taken = house.store.write(|tx| {
        let new = NewCertificate {
            key_id: Some(key_id),
            certificate: key.certificate.clone(),
            display_name: None,
            start: None,
            end: None,
        };
        house.directory.add_certificate(tx, house.tenant, house.service_principal, new)
    });
    assert!(matches!(taken, Err(DirectoryError::ValueInUse(_))));
    // Another client's assertions under the same id are not this one's.
    let mut claims = house.own_claims();
    claims["jti"] = json!("once");
    let assertion = key.assert(&claims);
    let used = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"once");
    let stranger = Signer { tenant: gatepost_names::TenantId(Uuid::new_v4()), ..house.signer() };
    let end = house.now() + 3600;
    house
        .store
        .write_queue(|tx| {
            gatepost_store::credentials::use_assertion(tx, stranger, used.as_ref(), end, house.now())
        })
        .unwrap();
    house.sign_in(&assertion).unwrap();
    assert!(matches!(house.sign_in(&assertion), Err(ClientError::AssertionReplayed)));
}

impl House {
    fn signer(&self) -> Signer {
        let client = self.directory.client(self.tenant, self.app_id).unwrap().unwrap();
        let (object, key_id) = (client.application.unwrap(), client.certificates[0].key_id);
        Signer { tenant: self.tenant, object, key_id }
    }
}

#[test]
fn a_removed_certificate_and_a_disabled_or_foreign_client_do_not_sign_in() {
    let house = House::new();
    let key = Key::shared();
    let key_id = house.register(key);
    let proof = house.sign_in(&key.assert(&house.own_claims())).unwrap();
    house
        .store
        .write(|tx| house.directory.remove_certificate(tx, house.tenant, house.application, key_id))
        .unwrap();
    let refused = house.sign_in(&key.assert(&house.own_claims()));
    assert!(matches!(refused, Err(ClientError::UnknownCertificate)));
    let client = house.directory.client(house.tenant, house.app_id).unwrap().unwrap();
    assert!(proof.client.has_credential(key_id) && !client.has_credential(key_id));
    let nobody = ApplicationId(Uuid::new_v4());
    let refused = house.directory.verify_assertion(
        house.tenant,
        Some(nobody),
        &key.assert(&house.own_claims()),
        &house.audiences(),
    );
    assert!(matches!(refused, Err(ClientError::NotFound)));
    let again = house
        .store
        .write(|tx| house.directory.remove_certificate(tx, house.tenant, house.application, key_id));
    assert!(matches!(again, Err(DirectoryError::UnknownKeyCredential(_))));
}

#[test]
fn a_certificate_is_good_between_its_dates() {
    let house = House::new();
    let key = Key::shared();
    let entry = json!({
        "key": STANDARD.encode(&key.certificate),
        "startDateTime": "2026-06-01T00:00:00Z", "endDateTime": "2026-07-02T00:00:00Z",
    });
    let new = NewCertificate::parse(entry.as_object().unwrap(), "Application").unwrap();
    house
        .store
        .write(|tx| house.directory.add_certificate(tx, house.tenant, house.application, new))
        .unwrap();
    house.sign_in(&key.assert(&house.own_claims())).unwrap();
    let ending = house.directory.credentials_ending().unwrap();
    assert_eq!(ending.len(), 1, "the operator is warned");
    assert_eq!((ending[0].holder.as_str(), ending[0].kind), ("app", CredentialKind::Certificate));
    assert_eq!((ending[0].object, ending[0].tenant), (house.application, house.tenant));
    assert_eq!(house.directory.count_credentials_ending().unwrap(), 1);
    house.clock.advance(Duration::from_secs(86_400));
    let late = house.sign_in(&key.assert(&house.own_claims()));
    assert!(matches!(late, Err(ClientError::ExpiredCertificate)));
    assert_eq!(house.directory.count_credentials_ending().unwrap(), 0);
}

#[test]
fn a_list_of_certificates_as_clients_send_it() {
    let house = House::new();
    let key = Key::shared();
    let set = |sent: &Value| {
        house.store.write(|tx| {
            house.directory.set_certificates(tx, house.tenant, house.application, "Application", sent)
        })
    };
    let wrapped: String = STANDARD
        .encode(&key.certificate)
        .as_bytes()
        .chunks(64)
        .map(|line| format!("{}\n", std::str::from_utf8(line).unwrap()))
        .collect();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{wrapped}-----END CERTIFICATE-----\n");
    set(&json!([{ "key": wrapped, "displayName": "a" }, { "key": STANDARD.encode(pem), "keyId": Uuid::nil() }]))
        .unwrap();
    let client = || house.directory.client(house.tenant, house.app_id).unwrap().unwrap();
    assert_eq!(client().certificates.len(), 2);
    // What was read is sent back without its certificate, and one is left out.
    set(&json!([{ "keyId": Uuid::nil(), "key": null, "type": "AsymmetricX509Cert", "usage": "Verify" }]))
        .unwrap();
    assert_eq!(client().certificates.len(), 1);
    assert!(client().has_credential(Uuid::nil()));
    for (sent, reason) in [
        (json!({}), "no list"),
        (json!([7]), "no object"),
        (json!([{}]), "neither key nor id"),
        (json!([{ "keyId": Uuid::max() }]), "unknown id"),
        (json!([{ "key": "!" }]), "no base64"),
        (json!([{ "key": STANDARD.encode("x") }]), "no certificate"),
        (json!([{ "key": wrapped, "usage": "Sign" }]), "another usage"),
        (json!([{ "key": wrapped, "type": "Symmetric" }]), "another type"),
        (json!([{ "key": wrapped, "endDateTime": "2040-01-01T00:00:00Z" }]), "outlives the certificate"),
        (
            json!([{ "key": wrapped, "startDateTime": "2026-12-31T00:00:00Z", "endDateTime": "2026-12-30T00:00:00Z" }]),
            "ends before it begins",
        ),
        (json!([{ "key": wrapped, "colour": "red" }]), "unknown property"),
    ] {
        assert!(set(&sent).is_err(), "{reason}");
        assert_eq!(client().certificates.len(), 1, "{reason}: nothing was changed");
    }
    set(&json!([])).unwrap();
    assert!(client().certificates.is_empty());
}

#[test]
fn an_application_changes_its_keys_by_showing_one() {
    let house = House::new();
    let (key, other) = (Key::shared(), Key::make());
    house.register(key);
    let good = json!({
        "iss": house.application, "aud": "00000002-0000-0000-c000-000000000000",
        "nbf": house.now(), "exp": house.now() + 600,
    });
    let check = |text: &str| house.directory.verify_key_proof(house.tenant, house.application, text);
    check(&key.assert(&good)).unwrap();
    assert!(check(&other.assert(&good)).is_err());
    for (name, value) in [
        ("iss", json!(house.app_id)),
        ("aud", json!(house.audiences()[0])),
        ("exp", json!(house.now() - 1000)),
        ("exp", json!(house.now() + 1_000_000)),
    ] {
        let mut changed = good.clone();
        changed[name] = value;
        assert!(check(&key.assert(&changed)).is_err(), "{name}");
    }
    let elsewhere =
        house.directory.verify_key_proof(house.tenant, house.service_principal, &key.assert(&good));
    assert!(matches!(elsewhere, Err(DirectoryError::InvalidKeyProof)));
}

#[test]
fn an_application_rolls_its_certificate_over_without_a_directory_role() {
    let house = House::new();
    let (key, next) = (Key::shared(), Key::make());
    let first = house.register(key);
    let own = Caller::new(
        house.tenant,
        house.service_principal,
        PrincipalKind::ServicePrincipal,
        house.app_id.to_string(),
        Some(house.app_id),
    );
    let stranger = Caller::new(house.tenant, house.user, PrincipalKind::User, String::new(), None);
    let named = ObjectKey::Id(house.application);
    let proof = |key: &Key| {
        key.assert(&json!({
            "iss": house.application, "aud": "00000002-0000-0000-c000-000000000000",
            "exp": house.now() + 600,
        }))
    };
    let entry =
        json!({ "type": "AsymmetricX509Cert", "usage": "Verify", "key": STANDARD.encode(&next.certificate) });
    let add = |caller: &Caller, proof: String| {
        let sent = json!({ "keyCredential": entry, "passwordCredential": null, "proof": proof });
        house.directory.request_key(caller, ObjectKind::Application, &named, sent.as_object().unwrap())
    };
    assert!(
        matches!(add(&own, proof(&next)), Err(DirectoryError::InvalidKeyProof)),
        "a key that is not there yet"
    );
    assert!(matches!(add(&own, String::new()), Err(DirectoryError::InvalidKeyProof)));
    assert!(matches!(add(&stranger, proof(key)), Err(DirectoryError::Denied(_))));
    let added = add(&own, proof(key)).unwrap();
    assert!(added["key"].is_null() && added["keyId"].is_string());
    let remove = |proof: String| {
        let sent = json!({ "keyId": first, "proof": proof });
        house.directory.withdraw_key(&own, ObjectKind::Application, &named, sent.as_object().unwrap())
    };
    remove(proof(&next)).unwrap();
    assert!(matches!(remove(proof(&next)), Err(DirectoryError::UnknownKeyCredential(_))));
    assert!(house.sign_in(&next.assert(&house.own_claims())).is_ok());
    assert!(house.sign_in(&key.assert(&house.own_claims())).is_err());
}
