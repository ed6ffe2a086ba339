//! Signing an application in with a client assertion (RFC 7523; reference entra-arm-clients.md section 3.3).
//!
//! Two sorts: the application's own, signed with the key of a registered certificate, which is good once; and an
//! outside issuer's, which a federated credential trusts, and which is good until it ends: GitHub and Kubernetes
//! give a job or a pod one token, and it is presented several times.

use std::sync::Arc;

use aws_lc_rs::digest;
use gatepost_credentials::assertion::{Assertion, SKEW};
use gatepost_credentials::federated::{self, Mismatch};
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_store::StoreError;
use gatepost_store::credentials as rows;
use uuid::Uuid;

use crate::certificates::{self, CertificateState};
use crate::{Client, ClientError, Directory, DirectoryError};

/// Assertions of one certificate that are remembered at a time; ten a second, all day, of ten minutes each, are
/// 6,000.
const MOST_USED: i64 = 20_000;
/// Whom a proof of possession is for: the directory, by the client id of its older interface.
const PROOF_AUDIENCE: &str = "00000002-0000-0000-c000-000000000000";
/// Keys without a name that are tried.
const MOST_TRIED: usize = 20;

/// A client that has proved itself, and by what.
#[derive(Clone, Debug)]
pub struct ClientProof {
    /// The client.
    pub client: Arc<Client>,
    /// The id of the credential: [`Client::has_credential`] says later whether it is still there.
    pub credential: Uuid,
    /// What the credential is.
    pub kind: CredentialKind,
}

/// What a client proves itself with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// A client secret.
    Secret,
    /// A certificate's key.
    Certificate,
    /// An outside issuer's token.
    Federated,
}

impl Directory {
    /// Signs a client in with an assertion. `audiences` are the spellings of the token endpoint that a certificate's
    /// assertion may be for (`gatepost_credentials::assertion::audiences`). Without a client id, the assertion's
    /// subject is the client. May wait for an outside issuer for some seconds, and uses a certificate's assertion
    /// up: call it last.
    ///
    /// # Errors
    /// [`ClientError`], by cause.
    pub fn verify_assertion(
        &self,
        tenant: TenantId,
        app_id: Option<ApplicationId>,
        assertion: &str,
        audiences: &[String],
    ) -> Result<ClientProof, ClientError> {
        let text = assertion;
        let assertion = Assertion::parse(text).map_err(|_| ClientError::BadAssertion)?;
        let app_id = match app_id {
            Some(app_id) => app_id,
            None => assertion.claims.subject.parse().map_err(|_| ClientError::BadAssertion)?,
        };
        let client = self.signing_in(tenant, app_id)?;
        let own = app_id.to_string();
        if assertion.claims.issuer.eq_ignore_ascii_case(&own) {
            if !assertion.claims.subject.eq_ignore_ascii_case(&own) {
                return Err(ClientError::AssertionSubject);
            }
            let credential = self.verify_own(tenant, &client, text, &assertion, audiences)?;
            return Ok(ClientProof { client, credential, kind: CredentialKind::Certificate });
        }
        let credential = self.verify_outside(tenant, &client, &assertion)?;
        Ok(ClientProof { client, credential, kind: CredentialKind::Federated })
    }

    /// Checks Microsoft Graph's proof of possession, by which an application changes its own keys: a token that the
    /// object issued for the directory, signed with the key of one of its certificates.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidKeyProof`], [`DirectoryError::Store`].
    pub fn verify_key_proof(
        &self,
        tenant: TenantId,
        object: ObjectId,
        proof: &str,
    ) -> Result<(), DirectoryError> {
        let refused = |_| DirectoryError::InvalidKeyProof;
        let proof = Assertion::parse(proof).map_err(|_| DirectoryError::InvalidKeyProof)?;
        let now = self.0.clock.now();
        let kept = self.0.store.read(|conn| certificates::states(conn, tenant, object))?;
        let signed = kept.iter().any(|kept| kept.is_live(now) && proof.is_signed_by(&kept.certificate.key));
        let issued = proof.claims.issuer.eq_ignore_ascii_case(&object.to_string());
        if !signed || !issued || !proof.claims.is_for(&[PROOF_AUDIENCE.to_owned()]) {
            return Err(DirectoryError::InvalidKeyProof);
        }
        let seconds = now.as_second();
        proof.claims.check_times(seconds).map_err(refused)?;
        proof.claims.check_life(seconds).map_err(refused)
    }

    fn verify_own(
        &self,
        tenant: TenantId,
        client: &Client,
        text: &str,
        assertion: &Assertion<'_>,
        audiences: &[String],
    ) -> Result<Uuid, ClientError> {
        let now = self.0.clock.now();
        // An application and its service principal may hold the same certificate: the one that is good counts.
        let mut named: Vec<&CertificateState> =
            client.certificates.iter().filter(|kept| is_named(assertion, kept)).collect();
        named.sort_by_key(|kept| !kept.is_live(now));
        let kept = named.first().ok_or(ClientError::UnknownCertificate)?;
        if !assertion.is_signed_by(&kept.certificate.key) {
            return Err(ClientError::WrongAssertionSignature);
        }
        let claims = &assertion.claims;
        if !claims.is_for(audiences) {
            return Err(ClientError::AssertionAudience);
        }
        let seconds = now.as_second();
        claims.check_times(seconds).map_err(|_| ClientError::AssertionTime)?;
        claims.check_life(seconds).map_err(|_| ClientError::AssertionTime)?;
        if !kept.is_live(now) {
            return Err(ClientError::ExpiredCertificate);
        }
        let name = claims.id.as_deref().filter(|id| !id.is_empty()).unwrap_or(text);
        // A key id alone is nobody's: another tenant's client may have chosen the same.
        let object =
            client.application.or(client.service_principal).ok_or(ClientError::NoServicePrincipal)?;
        let signer = rows::Signer { tenant, object, key_id: kept.key_id };
        self.use_up(signer, name, claims.expires.saturating_add(SKEW), seconds)?;
        Ok(kept.key_id)
    }

    /// Remembers an assertion until it has ended, over restarts.
    fn use_up(&self, signer: rows::Signer, name: &str, expires: i64, now: i64) -> Result<(), ClientError> {
        let hash = digest::digest(&digest::SHA256, name.as_bytes());
        // No cache depends on what is remembered here.
        let outcome = self.0.store.write_queue(|tx| {
            if rows::count_used_assertions(tx, signer, MOST_USED)? >= MOST_USED {
                return Err(StoreError::Busy);
            }
            rows::use_assertion(tx, signer, hash.as_ref(), expires, now)
        });
        match outcome {
            Err(StoreError::Conflict(_)) => Err(ClientError::AssertionReplayed),
            other => Ok(other?),
        }
    }

    fn verify_outside(
        &self,
        tenant: TenantId,
        client: &Client,
        assertion: &Assertion<'_>,
    ) -> Result<Uuid, ClientError> {
        let claims = &assertion.claims;
        let position = federated::find(client.federated.iter().map(|kept| &kept.trusted), claims)
            .map_err(of_mismatch)?;
        let kept = client.federated.get(position).ok_or(ClientError::NoFederatedCredential)?;
        // What can be seen without the issuer's help is seen first.
        claims.check_times(self.0.clock.now().as_second()).map_err(|_| ClientError::AssertionTime)?;
        let kid = assertion.kid.as_deref();
        let keys = self
            .0
            .issuers
            .keys(tenant, &kept.trusted.issuer, kid)
            .map_err(|_| ClientError::IssuerUnavailable)?;
        let signed = keys
            .iter()
            .filter(|key| kid.is_none() || key.kid.as_deref() == kid)
            .filter(|key| key.algorithm.is_none_or(|only| only == assertion.algorithm))
            .take(MOST_TRIED)
            .any(|key| assertion.is_signed_by(&key.key));
        if signed { Ok(kept.id) } else { Err(ClientError::FederatedSignature) }
    }
}

/// Whether the assertion's header names this certificate. One of the two thumbprints must be there, and where both
/// are, both must be right.
fn is_named(assertion: &Assertion<'_>, kept: &CertificateState) -> bool {
    let same = |sent: &Option<Vec<u8>>, own: &[u8]| sent.as_deref().map(|sent| sent == own);
    let sha1 = same(&assertion.x5t, &kept.certificate.sha1);
    let sha256 = same(&assertion.x5t_s256, &kept.certificate.sha256);
    (sha1.is_some() || sha256.is_some()) && sha1.unwrap_or(true) && sha256.unwrap_or(true)
}

fn of_mismatch(mismatch: Mismatch) -> ClientError {
    match mismatch {
        Mismatch::NoCredential => ClientError::NoFederatedCredential,
        Mismatch::Issuer => ClientError::FederatedIssuer,
        Mismatch::Subject => ClientError::FederatedSubject,
        Mismatch::Audience => ClientError::FederatedAudience,
        Mismatch::LetterCase => ClientError::FederatedCase,
    }
}
