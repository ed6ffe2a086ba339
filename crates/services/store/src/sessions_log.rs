//! The log of sign-ins.

use gatepost_names::{ApplicationId, ObjectId, TenantId};
use uuid::Uuid;

use crate::{Conn, Param, Row, StoreError, Tx, params};

/// A sign-in, or several equal ones of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInRow {
    /// The tenant.
    pub tenant: TenantId,
    /// When, in microseconds.
    pub at: i64,
    /// Its id.
    pub id: Uuid,
    /// `interactiveUser`, `nonInteractiveUser`, `servicePrincipal` or `managedIdentity`.
    pub kind: String,
    /// The user, if one was found.
    pub user: Option<ObjectId>,
    /// The user principal name, as the directory has it.
    pub login: Option<String>,
    /// The user's display name.
    pub user_name: Option<String>,
    /// The client.
    pub app_id: Option<ApplicationId>,
    /// Its display name.
    pub app_name: Option<String>,
    /// Its service principal.
    pub service_principal: Option<ObjectId>,
    /// The resource's client id.
    pub resource_id: Option<ApplicationId>,
    /// The resource's display name.
    pub resource_name: Option<String>,
    /// Where the request came from.
    pub address: Option<String>,
    /// Which way was taken: `Browser`, or the grant.
    pub client_app: String,
    /// The client's name for the request.
    pub correlation: Uuid,
    /// The AADSTS code; 0 for a success.
    pub code: u32,
    /// Why it failed.
    pub reason: String,
    /// How the user signed in.
    pub methods: String,
    /// How many equal ones it stands for.
    pub times: i64,
}

const COLUMNS: &str = "tenant_id, at, id, kind, user_id, login, user_name, app_id, app_name, \
                       service_principal_id, resource_id, resource_name, address, client_app, correlation, code, \
                       reason, methods, times";

fn sign_in_of(row: &Row<'_>) -> Result<SignInRow, StoreError> {
    Ok(SignInRow {
        tenant: TenantId(row.uuid(0)?),
        at: row.int(1)?,
        id: row.uuid(2)?,
        kind: row.text(3)?,
        user: row.opt_uuid(4)?.map(ObjectId),
        login: row.opt_text(5)?,
        user_name: row.opt_text(6)?,
        app_id: row.opt_uuid(7)?.map(ApplicationId),
        app_name: row.opt_text(8)?,
        service_principal: row.opt_uuid(9)?.map(ObjectId),
        resource_id: row.opt_uuid(10)?.map(ApplicationId),
        resource_name: row.opt_text(11)?,
        address: row.opt_text(12)?,
        client_app: row.text(13)?,
        correlation: row.uuid(14)?,
        code: u32::try_from(row.int(15)?).unwrap_or(u32::MAX),
        reason: row.text(16)?,
        methods: row.text(17)?,
        times: row.int(18)?,
    })
}

/// Adds a row to the log.
///
/// # Errors
/// [`StoreError`].
pub fn insert_sign_in(tx: &Tx<'_>, row: &SignInRow) -> Result<(), StoreError> {
    tx.execute(
        &format!(
            "INSERT INTO sign_ins ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, \
             ?14, ?15, ?16, ?17, ?18, ?19)"
        ),
        params![
            row.tenant.bytes(),
            row.at,
            row.id,
            &row.kind,
            row.user.map(|user| user.0),
            row.login.as_deref(),
            row.user_name.as_deref(),
            row.app_id.map(|app| app.0),
            row.app_name.as_deref(),
            row.service_principal.map(|object| object.0),
            row.resource_id.map(|app| app.0),
            row.resource_name.as_deref(),
            row.address.as_deref(),
            &row.client_app,
            row.correlation,
            row.code,
            &row.reason,
            &row.methods,
            row.times,
        ],
    )
    .map(|_| ())
}

/// Which rows of the log are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInQuery {
    /// Those of a user.
    pub user: Option<ObjectId>,
    /// Those of a client.
    pub app_id: Option<ApplicationId>,
    /// Those from this time on, in microseconds.
    pub since: Option<i64>,
    /// Those before this time.
    pub until: Option<i64>,
    /// Those that come after this row: time and id.
    pub before: Option<(i64, Uuid)>,
    /// How many at most.
    pub limit: u32,
}

/// A page of the log, the newest first.
///
/// # Errors
/// [`StoreError`].
pub fn sign_ins(
    conn: &Conn<'_>,
    tenant: TenantId,
    query: &SignInQuery,
) -> Result<Vec<SignInRow>, StoreError> {
    // Each filter has a text of its own: a bound that may be NULL keeps the engine from seeking in the index.
    let narrowed = match (query.user, query.app_id) {
        (Some(_), None) => " AND user_id = ?2",
        (None, Some(_)) => " AND app_id = ?3",
        (Some(_), Some(_)) => " AND user_id = ?2 AND app_id = ?3",
        (None, None) => "",
    };
    let (at, id) = query.before.map_or((query.until.unwrap_or(i64::MAX), None), |(at, id)| (at, Some(id)));
    let id = id.map_or_else(|| Param::from(Vec::new()), Param::from);
    conn.query(
        &format!(
            "SELECT {COLUMNS} FROM sign_ins WHERE tenant_id = ?1{narrowed} AND (at, id) < (?4, ?5) AND at >= ?6 \
             ORDER BY at DESC, id DESC LIMIT ?7"
        ),
        &[
            Param::from(tenant.bytes()),
            Param::from(query.user.map(|user| user.0)),
            Param::from(query.app_id.map(|app| app.0)),
            Param::from(at.min(query.until.unwrap_or(i64::MAX))),
            id,
            Param::from(query.since.unwrap_or(i64::MIN)),
            Param::from(query.limit),
        ],
        sign_in_of,
    )
}

/// One row of the log.
///
/// # Errors
/// [`StoreError`].
pub fn sign_in(conn: &Conn<'_>, tenant: TenantId, id: Uuid) -> Result<Option<SignInRow>, StoreError> {
    conn.query_one(
        &format!("SELECT {COLUMNS} FROM sign_ins WHERE tenant_id = ?1 AND id = ?2"),
        params![tenant.bytes(), id],
        sign_in_of,
    )
}

/// Removes rows from before `before`, and those beyond `most`: the oldest failures first, which anybody can make.
///
/// # Errors
/// [`StoreError`].
pub fn purge_sign_ins(tx: &Tx<'_>, before: i64, most: i64) -> Result<usize, StoreError> {
    let removed = tx.execute("DELETE FROM sign_ins WHERE at < ?1", params![before])?;
    let all = tx.query_one("SELECT count(*) FROM sign_ins", params![], |row| row.int(0))?.unwrap_or(0);
    let beyond = all - most;
    if beyond <= 0 {
        return Ok(removed);
    }
    let failures = tx.execute(
        "DELETE FROM sign_ins WHERE (tenant_id, at, id) IN \
         (SELECT tenant_id, at, id FROM sign_ins WHERE code <> 0 ORDER BY at LIMIT ?1)",
        params![beyond],
    )?;
    let left = beyond - i64::try_from(failures).unwrap_or(i64::MAX);
    let others = tx.execute(
        "DELETE FROM sign_ins WHERE (tenant_id, at, id) IN \
         (SELECT tenant_id, at, id FROM sign_ins ORDER BY at LIMIT ?1)",
        params![left.max(0)],
    )?;
    Ok(removed + failures + others)
}
