//! What a caller asks of single certificates: Microsoft Graph's `addKey` and `removeKey`.
//!
//! Both want a proof that the caller has the key of a certificate that is there. With it an application may change
//! its own certificates without a directory role, and so roll them over by itself.

use gatepost_access::Caller;
use gatepost_names::PrincipalKind;
use gatepost_store::Tx;
use gatepost_store::directory::{ObjectKind, ObjectRow};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::requests::{find, refuse_others, take};
use crate::{Directory, DirectoryError, NewCertificate, ObjectKey, rights, schema};

impl Directory {
    /// Registers a certificate as Microsoft Graph's `addKey` does; answers it.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn request_key(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        sent: &Map<String, Value>,
    ) -> Result<Value, DirectoryError> {
        let resource = schema::resource_name(kind);
        let mut sent = sent.clone();
        let holder = self.proved(caller, kind, key, &mut sent)?;
        let property = || "keyCredential".to_owned();
        let new = match take(&mut sent, "keyCredential") {
            Some(Value::Object(credential)) => NewCertificate::parse(&credential, resource)?,
            None | Some(Value::Null) => {
                return Err(DirectoryError::MissingProperty { property: property(), resource });
            }
            Some(_) => return Err(DirectoryError::InvalidProperty { property: property(), resource }),
        };
        // Only for certificates with a private key, which nobody sends here.
        if take(&mut sent, "passwordCredential").is_some_and(|password| !password.is_null()) {
            return Err(DirectoryError::InvalidProperty {
                property: "passwordCredential".to_owned(),
                resource,
            });
        }
        refuse_others(&sent)?;
        self.0.store.write(|tx| {
            let row = self.still_there(tx, &holder)?;
            Ok(self.add_certificate(tx, caller.tenant, row.id, new)?.to_json())
        })
    }

    /// Removes a certificate as Microsoft Graph's `removeKey` does.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn withdraw_key(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        sent: &Map<String, Value>,
    ) -> Result<(), DirectoryError> {
        let (property, resource) = ("keyId".to_owned(), schema::resource_name(kind));
        let mut sent = sent.clone();
        let holder = self.proved(caller, kind, key, &mut sent)?;
        let key_id = match take(&mut sent, "keyId") {
            None | Some(Value::Null) => return Err(DirectoryError::MissingProperty { property, resource }),
            Some(value) => value.as_str().and_then(|text| Uuid::try_parse(text).ok()),
        };
        let key_id = key_id.ok_or(DirectoryError::InvalidProperty { property, resource })?;
        refuse_others(&sent)?;
        self.0.store.write(|tx| {
            let row = self.still_there(tx, &holder)?;
            self.remove_certificate(tx, caller.tenant, row.id, key_id)
        })
    }

    /// The object, once the caller has shown that it may change its keys: it is the caller's own, or one that the
    /// caller manages, and the proof is good.
    fn proved(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        sent: &mut Map<String, Value>,
    ) -> Result<ObjectRow, DirectoryError> {
        let found = self.0.store.read(|conn| find(conn, caller.tenant, kind, key))?;
        let own = found.filter(|row| {
            caller.kind == PrincipalKind::ServicePrincipal
                && row.app_id.is_some()
                && row.app_id == caller.app_id
        });
        let row = match own {
            Some(row) => row,
            None => self.0.store.read(|conn| {
                let found = find(conn, caller.tenant, kind, key)?;
                self.require_found(conn, caller, rights::managing(kind), found, key)
            })?,
        };
        match take(sent, "proof") {
            Some(Value::String(proof)) => self.verify_key_proof(caller.tenant, row.id, &proof)?,
            _ => return Err(DirectoryError::InvalidKeyProof),
        }
        Ok(row)
    }

    fn still_there(&self, tx: &Tx<'_>, row: &ObjectRow) -> Result<ObjectRow, DirectoryError> {
        find(tx, row.tenant, row.kind, &ObjectKey::Id(row.id))?
            .ok_or_else(|| DirectoryError::NotFound(row.id.to_string()))
    }
}
