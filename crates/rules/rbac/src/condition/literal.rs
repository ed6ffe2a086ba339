//! Values as they are written in a condition.

use std::net::IpAddr;

use uuid::Uuid;

/// A GUID with dashes or without; in no other form.
pub(super) fn guid(text: &str) -> Option<Uuid> {
    if matches!(text.len(), 32 | 36) { Uuid::try_parse(text).ok() } else { None }
}

/// A moment such as `2026-11-22T05:30:00.000Z`, in Unix µs. Up to seven digits may follow the seconds; the
/// seventh is below our precision.
pub(super) fn time(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix(['T', 't'])?.strip_suffix(['Z', 'z'])?;
    let (clock, fraction) =
        time.split_once('.').map_or((time, None), |(clock, fraction)| (clock, Some(fraction)));
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = fields(clock, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days_since_1970(year, month, day)? * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000_000 + fraction.map_or(Some(0), micros)?)
}

/// The digits after the point of the seconds, in µs.
fn micros(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || fraction.len() > 7 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let six = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
    Some(six.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

fn fields(text: &str, between: char, lengths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut values = [0; 3];
    for (value, length) in values.iter_mut().zip(lengths) {
        let part = parts.next()?;
        if part.len() != length || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *value = part.parse().ok()?;
    }
    parts.next().is_none().then_some(values)
}

/// Days of the proleptic Gregorian calendar since 1970-01-01; [`None`] for a date that there is not.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month - 1).ok()?;
    if day < 1 || day > *lengths.get(before)? {
        return None;
    }
    // Leap days of the years before this one, from the year 0; year 0 itself is one.
    let leap_days = if year == 0 { 0 } else { (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1 };
    let from_year_0 = year * 365 + leap_days + lengths.iter().take(before).sum::<i64>() + day - 1;
    Some(from_year_0 - 719_528)
}

/// A network: the addresses that begin with the first `prefix` bits of `address`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u32,
}

/// Why a text is not a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoNetwork {
    /// It is not `address/bits`, nor an address.
    Malformed,
    /// Bits are set beyond the prefix; this would be the network.
    HostBits(String),
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32` or one address.
    pub(super) fn parse(text: &str) -> Result<Network, NoNetwork> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let written: IpAddr = address.parse().map_err(|_| NoNetwork::Malformed)?;
        let most = bits(written);
        let prefix = match prefix {
            None => most,
            Some(digits) if digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| NoNetwork::Malformed)?
            }
            Some(_) => return Err(NoNetwork::Malformed),
        };
        // ::ffff:10.0.0.0/104 is 10.0.0.0/8: addresses of clients are written so as well.
        let address = written.to_canonical();
        let prefix = prefix.checked_sub(most - bits(address)).filter(|p| *p <= bits(address));
        let network = Network { address, prefix: prefix.ok_or(NoNetwork::Malformed)? };
        let first = network.first();
        if first != address {
            return Err(NoNetwork::HostBits(format!("{first}/{}", network.prefix)));
        }
        Ok(network)
    }

    /// Whether `address` is in it. An IPv4 address may be written as IPv6.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        bits(address) == bits(self.address)
            && Network { address, prefix: self.prefix }.first() == self.address
    }

    fn first(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix).unwrap_or(0);
                IpAddr::V4((u32::from(v4) & mask).into())
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix).unwrap_or(0);
                IpAddr::V6((u128::from(v6) & mask).into())
            }
        }
    }
}

fn bits(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T00:00:01.5Z", Some(1_500_000)),
            ("2000-02-29T12:00:00.0000009Z", Some(951_825_600_000_000)),
            ("2026-11-22T05:30:00.123456Z", Some(1_795_325_400_123_456)),
            ("1969-12-31T23:59:59.999999z", Some(-1)),
            ("0000-01-01T00:00:00Z", Some(-62_167_219_200_000_000)),
            ("9999-12-31t23:59:59Z", Some(253_402_300_799_000_000)),
            ("1900-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-00-01T00:00:00Z", None),
            ("2026-04-31T00:00:00Z", None),
            ("2026-04-00T00:00:00Z", None),
            ("2026-04-01T24:00:00Z", None),
            ("2026-04-01T23:60:00Z", None),
            ("2026-04-01T23:00:60Z", None),
            ("2026-04-01T23:00:00", None),
            ("2026-04-01T23:00:00+02:00", None),
            ("2026-04-01T23:00:00.Z", None),
            ("2026-04-01T23:00:00.12345678Z", None),
            ("2026-04-01 23:00:00Z", None),
            ("2026-04-01", None),
            ("+026-04-01T23:00:00Z", None),
            ("", None),
            ("2026-04-0\u{e9}T", None),
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
    }

    #[test]
    fn guids_in_two_forms() {
        let dashed = guid("acdd72a7-3385-48ef-bd42-f606fba81ae7");
        assert!(dashed.is_some());
        assert_eq!(guid("ACDD72A7338548EFBD42F606FBA81AE7"), dashed);
        for text in ["", "{acdd72a7-3385-48ef-bd42-f606fba81ae7}", "acdd72a7-338548ef-bd42-f606fba81ae7", "7"]
        {
            assert_eq!(guid(text), None, "{text}");
        }
    }

    #[test]
    fn networks() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("127.0.0.1/32", "127.0.0.1", "::1"),
            ("0.0.0.0/0", "255.1.2.3", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::/0", "fe80::1", "127.0.0.1"),
            ("::1", "::1", "::2"),
            ("::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.0"),
            ("192.168.4.0/22", "192.168.7.255", "192.168.8.0"),
        ] {
            let network = Network::parse(text).unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{inside} in {text}");
            assert!(!network.contains(outside.parse().unwrap()), "{outside} not in {text}");
        }
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0/8",
            "x",
            "10.0.0.0/8/8",
            "::ffff:10.0.0.0/8",
        ] {
            assert_eq!(Network::parse(text), Err(NoNetwork::Malformed), "{text}");
        }
        assert_eq!(Network::parse("10.1.0.0/8"), Err(NoNetwork::HostBits("10.0.0.0/8".to_owned())));
    }
}
