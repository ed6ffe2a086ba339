//! Users who sign in with passkeys.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod credential_house;

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use credential_house::House;
use gatepost_directory::{PasskeyChallenge, PasskeyParty, UserError};
use serde_json::{Value, json};

const PARTY: PasskeyParty<'static> =
    PasskeyParty { id: "localhost", origin: "https://localhost:8444", name: "Gatepost" };

/// An authenticator with one key, and the browser before it.
struct Authenticator {
    pair: EcdsaKeyPair,
    counter: u32,
}

impl Authenticator {
    fn new() -> Authenticator {
        Authenticator { pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(), counter: 0 }
    }

    fn id(&self) -> Vec<u8> {
        self.pair.public_key().as_ref()[1..17].to_vec()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, PARTY.id.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn client_data(kind: &str, challenge: &PasskeyChallenge) -> Vec<u8> {
        let challenge = &challenge.options["challenge"];
        json!({ "type": kind, "challenge": challenge, "origin": PARTY.origin }).to_string().into_bytes()
    }

    fn make(&self, challenge: &PasskeyChallenge) -> Value {
        let point = self.pair.public_key().as_ref();
        let mut data = self.data(0x45);
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(self.id());
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..]);
        let mut object = vec![0xa1, 0x68];
        object.extend(b"authData");
        object.extend([0x58, u8::try_from(data.len()).unwrap()]);
        object.extend(data);
        json!({ "id": URL_SAFE_NO_PAD.encode(self.id()), "type": "public-key", "response": {
            "clientDataJSON": URL_SAFE_NO_PAD.encode(Self::client_data("webauthn.create", challenge)),
            "attestationObject": URL_SAFE_NO_PAD.encode(object),
        }})
    }

    fn sign(&mut self, challenge: &PasskeyChallenge) -> Value {
        self.counter += 1;
        let (data, said) = (self.data(0x05), Self::client_data("webauthn.get", challenge));
        let message = [&data[..], digest(&SHA256, &said).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &message).unwrap();
        json!({ "rawId": URL_SAFE_NO_PAD.encode(self.id()), "response": {
            "clientDataJSON": URL_SAFE_NO_PAD.encode(said),
            "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            "signature": URL_SAFE_NO_PAD.encode(signature),
        }})
    }
}

#[test]
fn a_passkey_is_made_and_signs_in_once_a_ceremony() {
    let house = House::new();
    let (directory, tenant, user) = (&house.directory, house.tenant, house.user);
    let mut authenticator = Authenticator::new();
    let begun = directory.begin_passkey(tenant, user, &PARTY).unwrap();
    assert_eq!(begun.options["user"]["name"], "ada@contoso.example");
    let made = authenticator.make(&begun);
    let finish = || directory.finish_passkey(tenant, user, &PARTY, &begun.state, &made, "my\nphone");
    finish().unwrap();
    assert!(matches!(finish(), Err(UserError::Wrong)), "a ceremony is finished once");
    let kept = directory.passkeys(tenant, user).unwrap();
    assert_eq!((kept.len(), kept[0].display_name.as_str()), (1, "myphone"));
    assert!(directory.second_factors(tenant, user).unwrap().passkey);
    let again = directory.begin_passkey(tenant, user, &PARTY).unwrap();
    assert_eq!(again.options["excludeCredentials"].as_array().unwrap().len(), 1);
    let twice = authenticator.make(&again);
    let twice = directory.finish_passkey(tenant, user, &PARTY, &again.state, &twice, "again");
    assert!(matches!(twice, Err(UserError::Wrong)), "one passkey is registered once");

    for named in [None, Some(user)] {
        let begun = directory.begin_passkey_sign_in(tenant, named, &PARTY).unwrap();
        let listed = begun.options["allowCredentials"].as_array().unwrap().len();
        assert_eq!(listed, usize::from(named.is_some()), "before a name is known nothing is told");
        let signed = authenticator.sign(&begun);
        let finish = || directory.finish_passkey_sign_in(tenant, named, &PARTY, &begun.state, &signed, None);
        assert_eq!(finish().unwrap().user.id, user);
        assert!(matches!(finish(), Err(UserError::Wrong)));
    }
    house.store.write(|tx| directory.remove_passkey(tx, tenant, user, &kept[0].id)).unwrap();
    let begun = directory.begin_passkey_sign_in(tenant, None, &PARTY).unwrap();
    let signed = authenticator.sign(&begun);
    let gone = directory.finish_passkey_sign_in(tenant, None, &PARTY, &begun.state, &signed, None);
    assert!(matches!(gone, Err(UserError::Wrong)));
}

#[test]
fn ceremonies_are_not_mixed_up() {
    let house = House::new();
    let (directory, tenant, user) = (&house.directory, house.tenant, house.user);
    let mut authenticator = Authenticator::new();
    let begun = directory.begin_passkey(tenant, user, &PARTY).unwrap();
    let made = authenticator.make(&begun);
    directory.finish_passkey(tenant, user, &PARTY, &begun.state, &made, "key").unwrap();
    let try_with = |state: &str, signed: &Value, party: &PasskeyParty<'_>| {
        directory.finish_passkey_sign_in(tenant, None, party, state, signed, None)
    };
    let (first, second) = (
        directory.begin_passkey_sign_in(tenant, None, &PARTY).unwrap(),
        directory.begin_passkey_sign_in(tenant, None, &PARTY).unwrap(),
    );
    let signed = authenticator.sign(&first);
    assert!(matches!(try_with(&second.state, &signed, &PARTY), Err(UserError::Wrong)), "another challenge");
    let elsewhere = PasskeyParty { origin: "https://evil.example", ..PARTY };
    let third = directory.begin_passkey_sign_in(tenant, None, &PARTY).unwrap();
    let signed = authenticator.sign(&third);
    assert!(matches!(try_with(&third.state, &signed, &elsewhere), Err(UserError::Wrong)), "another page");
    let late = directory.begin_passkey_sign_in(tenant, None, &PARTY).unwrap();
    let signed = authenticator.sign(&late);
    house.clock.advance(Duration::from_secs(301));
    assert!(matches!(try_with(&late.state, &signed, &PARTY), Err(UserError::Wrong)), "too late");
    for state in ["", "x", "AAAA", late.state.get(1..).unwrap()] {
        assert!(matches!(try_with(state, &signed, &PARTY), Err(UserError::Wrong)));
    }
    for nonsense in
        [json!(null), json!({}), json!({ "rawId": 7 }), json!({ "rawId": "AAAA", "response": [] })]
    {
        let begun = directory.begin_passkey_sign_in(tenant, None, &PARTY).unwrap();
        assert!(matches!(try_with(&begun.state, &nonsense, &PARTY), Err(UserError::Wrong)));
    }
    // A clone of the authenticator, whose counter is behind.
    let begun = directory.begin_passkey_sign_in(tenant, None, &PARTY).unwrap();
    let signed = authenticator.sign(&begun);
    try_with(&begun.state, &signed, &PARTY).unwrap();
    authenticator.counter = 0;
    let begun = directory.begin_passkey_sign_in(tenant, None, &PARTY).unwrap();
    let signed = authenticator.sign(&begun);
    assert!(matches!(try_with(&begun.state, &signed, &PARTY), Err(UserError::Wrong)));
}
