//! The device authorization grant (RFC 8628): a device shows a code, its user enters it in a browser elsewhere,
//! the device asks until that is done.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use gatepost_directory::Registration;
use gatepost_names::{ApplicationId, TenantId};
use gatepost_oauth::{Endpoint, Scopes, SignInError};
use gatepost_store::StoreError;
use gatepost_store::sessions_devices::{
    DeviceRow, DeviceState, decide_device, delete_device, device, device_by_user_code, insert_device,
    set_polled, waiting_devices,
};
use gatepost_store::sessions_grants::{grant, insert_grant};
use zeroize::Zeroizing;

use crate::codes::KeptScopes;
use crate::sealing;
use crate::users::{IdTokenWishes, SignedInUser, UserReply};
use crate::{AskingClient, GrantError, Tokens};

/// How long a code waits for its user: fifteen minutes.
pub const DEVICE_SECONDS: i64 = 900;
/// Seconds between two polls, at first.
pub const POLL_SECONDS: i64 = 5;
/// What each poll that came too early adds.
const SLOWER_SECONDS: i64 = 5;
/// What a poll may be early by: networks and timers are not exact.
const TOLERANCE: i64 = 1_000_000;
const SECOND: i64 = 1_000_000;
/// Devices of one network that may wait, and all.
const MOST_OF_NETWORK: i64 = 1_000;
const MOST: i64 = 50_000;
/// Letters and digits that nobody takes for one another, and that spell no words.
const USER_ALPHABET: &[u8; 25] = b"BCDFGHJKLMNPQRTVWXYZ23469";
const USER_LENGTH: usize = 9;

/// What a device is told.
#[derive(Clone)]
pub struct DeviceCode {
    /// The device's own code.
    pub device_code: String,
    /// What it shows to its user.
    pub user_code: String,
}

/// A device, as its user is asked about it.
#[derive(Clone, Debug)]
pub struct WaitingDevice {
    row: DeviceRow,
    /// What it asks for.
    pub scopes: Scopes,
}

impl WaitingDevice {
    /// The client on the device.
    pub fn client(&self) -> ApplicationId {
        self.row.client
    }

    /// The tenant that it asked at; none for `common`.
    pub fn tenant(&self) -> Option<TenantId> {
        self.row.tenant
    }

    /// Where it asked from.
    pub fn address(&self) -> &str {
        &self.row.address
    }
}

/// The network that an address is in, as far as one party may be taken to have it for itself: of IPv6 the first 64
/// bits, since whoever has one such address has as many as it likes.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// A user code as it is kept, from what a person typed.
pub fn normal_user_code(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_alphanumeric).take(32).collect::<String>().to_ascii_uppercase()
}

impl Tokens {
    /// Begins: gives a device its two codes.
    ///
    /// # Errors
    /// [`GrantError`]; [`SignInError::TemporarilyUnavailable`] where too many devices wait.
    pub fn begin_device(
        &self,
        tenant: Option<TenantId>,
        client: &Arc<Registration>,
        scopes: &Scopes,
        from: IpAddr,
    ) -> Result<DeviceCode, GrantError> {
        let now = self.0.clock.micros();
        let address = from.to_canonical().to_string();
        let request =
            serde_json::to_string(&KeptScopes::of(scopes, false)).map_err(|_| GrantError::Signing)?;
        let device_code = sealing::handle().ok_or(GrantError::Signing)?;
        let mut row = DeviceRow {
            handle: sealing::hash(&device_code),
            user_code: user_code().ok_or(GrantError::Signing)?,
            tenant,
            client: client.app_id,
            request,
            address,
            network: network_of(from).to_string(),
            state: DeviceState::Waiting,
            grant: None,
            poll_interval: POLL_SECONDS * SECOND,
            polled_at: 0,
            expires_at: now + DEVICE_SECONDS * SECOND,
        };
        let user_code = self.0.store.write_queue(|tx| {
            let (here, all) = waiting_devices(tx, &row.network, now, MOST as u32)?;
            if here >= MOST_OF_NETWORK || all >= MOST {
                return Err(GrantError::Refused(SignInError::TemporarilyUnavailable));
            }
            match insert_device(tx, &row) {
                // Two devices drew one code: once more is enough, thrice never happens.
                Err(StoreError::Conflict(_)) => {
                    row.user_code = user_code().ok_or(GrantError::Signing)?;
                    insert_device(tx, &row)?;
                }
                other => other?,
            }
            Ok(row.user_code.clone())
        })?;
        Ok(DeviceCode { device_code, user_code })
    }

    /// The device that shows this code and still waits.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn waiting_device(&self, user_code: &str) -> Result<Option<WaitingDevice>, GrantError> {
        let now = self.0.clock.micros();
        let row = self.0.store.read(|conn| device_by_user_code(conn, &normal_user_code(user_code)))?;
        let row = row.filter(|row| row.state == DeviceState::Waiting && now < row.expires_at);
        row.map(|row| Ok(WaitingDevice { scopes: kept_scopes(&row)?, row })).transpose()
    }

    /// Writes down that the user signs in on the device, or will not; whether nobody had decided before.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn decide_device(
        &self,
        device: &WaitingDevice,
        approved: Option<(&AskingClient, &SignedInUser)>,
    ) -> Result<bool, GrantError> {
        let handle = &device.row.handle;
        let Some((client, user)) = approved else {
            return Ok(self
                .0
                .store
                .write_queue(|tx| decide_device(tx, handle, DeviceState::Declined, None))?);
        };
        self.require_assigned(user.tenant, user.user, Some(&client.registration), || {
            SignInError::UserNotAssigned { client: client.named() }
        })?;
        let grant = self.new_grant(client, user);
        Ok(self.0.store.write_queue(|tx| {
            insert_grant(tx, &grant)?;
            decide_device(tx, handle, DeviceState::Approved, Some(grant.id))
        })?)
    }

    /// The tenant at which a device's user signed in: a device that asked at `common` learns it here.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn tenant_of_device(&self, device_code: &str) -> Result<Option<TenantId>, GrantError> {
        let handle = sealing::hash(device_code);
        Ok(self.0.store.read(|conn| {
            let Some(row) = device(conn, &handle)? else { return Ok(None) };
            match row.grant {
                Some(id) => Ok(grant(conn, id)?.map(|grant| grant.tenant)),
                None => Ok::<_, StoreError>(row.tenant),
            }
        })?)
    }

    /// What a device is told when it asks, until it is told for the last time.
    ///
    /// # Errors
    /// [`GrantError`]; [`SignInError::AuthorizationPending`] while the user has not decided.
    pub fn poll_device(&self, app_id: ApplicationId, device_code: &str) -> Result<(), GrantError> {
        let handle = sealing::hash(device_code);
        let now = self.0.clock.micros();
        let refused: Option<SignInError> = self.0.store.write_queue(|tx| {
            let Some(row) = device(tx, &handle)?.filter(|row| row.client == app_id) else {
                return Ok(Some(SignInError::BadDeviceCode));
            };
            if now >= row.expires_at {
                return Ok(Some(SignInError::DeviceCodeExpired));
            }
            let early = now - row.polled_at < row.poll_interval - TOLERANCE;
            match row.state {
                DeviceState::Declined => Ok(Some(SignInError::DeviceDeclined)),
                DeviceState::Approved => Ok(None),
                DeviceState::Waiting => {
                    let slower = if early { SLOWER_SECONDS * SECOND } else { 0 };
                    set_polled(tx, &handle, now, row.poll_interval + slower)?;
                    Ok::<_, StoreError>(Some(match early {
                        true => SignInError::SlowDown,
                        false => SignInError::AuthorizationPending,
                    }))
                }
            }
        })?;
        refused.map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    /// Changes a device's code, whose user signed in, into tokens. It can be done once.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn redeem_device(
        &self,
        client: &AskingClient,
        device_code: &str,
        endpoint: Endpoint,
    ) -> Result<UserReply, GrantError> {
        let handle = sealing::hash(device_code);
        let found = self.0.store.write_queue(|tx| {
            let Some(row) = device(tx, &handle)?.filter(|row| row.client == client.app_id()) else {
                return Ok(None);
            };
            let (DeviceState::Approved, Some(id)) = (row.state, row.grant) else { return Ok(None) };
            delete_device(tx, &handle)?;
            Ok::<_, StoreError>(grant(tx, id)?.map(|grant| (row, grant)))
        })?;
        let Some((row, grant)) = found.filter(|(_, grant)| grant.tenant == client.tenant) else {
            return Err(SignInError::BadDeviceCode.into());
        };
        if grant.revoked_at.is_some() {
            return Err(SignInError::InvalidGrant.into());
        }
        let scopes = kept_scopes(&row)?;
        let mut reply = self.user_tokens(client, &grant, &scopes, endpoint, &IdTokenWishes::default())?;
        if scopes.offline {
            reply.refresh_token = Some(self.first_refresh(client, &grant, &scopes)?);
        }
        Ok(reply)
    }
}

fn kept_scopes(row: &DeviceRow) -> Result<Scopes, GrantError> {
    let kept: KeptScopes =
        serde_json::from_str(&row.request).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    kept.scopes()
}

/// Nine characters, each drawn evenly.
fn user_code() -> Option<String> {
    let most = 256 - 256 % USER_ALPHABET.len();
    let mut code = String::with_capacity(USER_LENGTH);
    while code.len() < USER_LENGTH {
        let mut random = Zeroizing::new([0_u8; 16]);
        getrandom::fill(random.as_mut()).ok()?;
        for byte in random.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < most) {
            if code.len() < USER_LENGTH {
                code.push(char::from(*USER_ALPHABET.get(byte % USER_ALPHABET.len())?));
            }
        }
    }
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_a_network_count_as_one() {
        let network = |address: &str| network_of(address.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:0:1:ffff::1"), "2001:db8:0:1::");
        assert_eq!(network("2001:db8:0:2::1"), "2001:db8:0:2::");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn user_codes_survive_being_typed() {
        let code = user_code().unwrap();
        assert_eq!(code.len(), USER_LENGTH);
        let (first, rest) = code.split_at(3);
        let typed = format!(" {}-{} {} ", first.to_lowercase(), rest.split_at(3).0, rest.split_at(3).1);
        assert_eq!(normal_user_code(&typed), code);
        assert!(normal_user_code(&"a".repeat(1000)).len() <= 32);
    }
}
