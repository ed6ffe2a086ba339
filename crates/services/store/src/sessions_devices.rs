//! Devices that wait for a user to enter their code elsewhere (RFC 8628).

use gatepost_names::{ApplicationId, TenantId};
use uuid::Uuid;

use crate::{Conn, Row, StoreError, Tx, params};

/// What became of a device's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// No user has decided.
    Waiting,
    /// A user signed in for it.
    Approved,
    /// A user said no.
    Declined,
}

impl DeviceState {
    fn as_str(self) -> &'static str {
        match self {
            DeviceState::Waiting => "waiting",
            DeviceState::Approved => "approved",
            DeviceState::Declined => "declined",
        }
    }

    fn parse(text: &str) -> Result<DeviceState, StoreError> {
        [DeviceState::Waiting, DeviceState::Approved, DeviceState::Declined]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| StoreError::Corrupt(format!("unknown state of a device code: {text}")))
    }
}

/// A device that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRow {
    /// The hash of its code.
    pub handle: Vec<u8>,
    /// What the user enters.
    pub user_code: String,
    /// The tenant that it asked at; none for `common`.
    pub tenant: Option<TenantId>,
    /// The client.
    pub client: ApplicationId,
    /// What it asked for, as JSON.
    pub request: String,
    /// Who asked.
    pub address: String,
    /// The network that the address counts for.
    pub network: String,
    /// What became of it.
    pub state: DeviceState,
    /// The sign-in that came of it.
    pub grant: Option<Uuid>,
    /// Microseconds between two polls.
    pub poll_interval: i64,
    /// The last poll, in microseconds.
    pub polled_at: i64,
    /// From when on it is over.
    pub expires_at: i64,
}

const COLUMNS: &str = "handle, user_code, tenant_id, client_id, request, address, state, grant_id, \
                       poll_interval, polled_at, expires_at, network";

fn device_of(row: &Row<'_>) -> Result<DeviceRow, StoreError> {
    Ok(DeviceRow {
        handle: row.blob(0)?,
        user_code: row.text(1)?,
        tenant: row.opt_uuid(2)?.map(TenantId),
        client: ApplicationId(row.uuid(3)?),
        request: row.text(4)?,
        address: row.text(5)?,
        state: DeviceState::parse(&row.text(6)?)?,
        grant: row.opt_uuid(7)?,
        poll_interval: row.int(8)?,
        polled_at: row.int(9)?,
        expires_at: row.int(10)?,
        network: row.text(11)?,
    })
}

/// Adds a device that waits.
///
/// # Errors
/// [`StoreError::Conflict`] if another one has its user code.
pub fn insert_device(tx: &Tx<'_>, device: &DeviceRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO device_codes (handle, user_code, tenant_id, client_id, request, address, state, grant_id, \
         poll_interval, polled_at, expires_at, network) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, ?8, ?9, ?10, ?11)",
        params![
            device.handle.as_slice(),
            &device.user_code,
            device.tenant.map(|tenant| tenant.bytes()),
            device.client.bytes(),
            &device.request,
            &device.address,
            DeviceState::Waiting.as_str(),
            device.poll_interval,
            device.polled_at,
            device.expires_at,
            &device.network,
        ],
    )
    .map(|_| ())
}

/// How many devices of a network wait, and how many in all; counting stops at `most`.
///
/// # Errors
/// [`StoreError`].
pub fn waiting_devices(
    conn: &Conn<'_>,
    network: &str,
    now: i64,
    most: u32,
) -> Result<(i64, i64), StoreError> {
    let counted = conn.query_one(
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM device_codes WHERE network = ?1 AND expires_at >= ?2 LIMIT ?3)), \
         (SELECT count(*) FROM (SELECT 1 FROM device_codes WHERE expires_at >= ?2 LIMIT ?3))",
        params![network, now, most],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    Ok(counted.unwrap_or((0, 0)))
}

/// The device with this code.
///
/// # Errors
/// [`StoreError`].
pub fn device(conn: &Conn<'_>, handle: &[u8]) -> Result<Option<DeviceRow>, StoreError> {
    conn.query_one(
        &format!("SELECT {COLUMNS} FROM device_codes WHERE handle = ?1"),
        params![handle],
        device_of,
    )
}

/// The device with this user code.
///
/// # Errors
/// [`StoreError`].
pub fn device_by_user_code(conn: &Conn<'_>, user_code: &str) -> Result<Option<DeviceRow>, StoreError> {
    conn.query_one(
        &format!("SELECT {COLUMNS} FROM device_codes WHERE user_code = ?1"),
        params![user_code],
        device_of,
    )
}

/// Notes a poll.
///
/// # Errors
/// [`StoreError`].
pub fn set_polled(tx: &Tx<'_>, handle: &[u8], at: i64, interval: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE device_codes SET polled_at = ?2, poll_interval = ?3 WHERE handle = ?1",
        params![handle, at, interval],
    )
    .map(|_| ())
}

/// Notes what the user decided; whether nobody had before.
///
/// # Errors
/// [`StoreError`].
pub fn decide_device(
    tx: &Tx<'_>,
    handle: &[u8],
    state: DeviceState,
    grant: Option<Uuid>,
) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE device_codes SET state = ?2, grant_id = ?3 WHERE handle = ?1 AND state = 'waiting'",
        params![handle, state.as_str(), grant],
    )?;
    Ok(changed > 0)
}

/// Removes a device; whether it was there.
///
/// # Errors
/// [`StoreError`].
pub fn delete_device(tx: &Tx<'_>, handle: &[u8]) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM device_codes WHERE handle = ?1", params![handle])? > 0)
}
