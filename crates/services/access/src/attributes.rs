//! What conditions are told of a request, beside what its own use case tells.

use std::cell::OnceCell;
use std::fmt::Write;
use std::net::IpAddr;

use gatepost_rbac::condition::{Attribute, Attributes, CLIENT_ADDRESS, Source, UTC_NOW, Value};

/// Bytes of the longest address as text, an IPv6 one.
const LONGEST_ADDRESS: usize = 45;

/// The time and the client's address, then what `rest` tells.
pub(crate) struct Told<'a> {
    now: i64,
    address: Address,
    rest: &'a dyn Attributes,
}

/// The client's address.
#[derive(Clone, Copy, Debug)]
pub(crate) enum From {
    /// It came over the network from here.
    Address(IpAddr),
    /// It came from nowhere that has an address.
    Nowhere,
    /// Nobody has asked yet.
    NotYet,
}

struct Address {
    from: From,
    text: OnceCell<AddressText>,
}

/// An address as text, without an allocation.
struct AddressText {
    bytes: [u8; LONGEST_ADDRESS],
    length: usize,
}

impl<'a> Told<'a> {
    pub(crate) fn new(now: i64, from: From, rest: &'a dyn Attributes) -> Told<'a> {
        Told { now, address: Address { from, text: OnceCell::new() }, rest }
    }
}

impl Attributes for Told<'_> {
    fn get(&self, source: Source, name: &str) -> Attribute<'_> {
        if source != Source::Environment {
            return self.rest.get(source, name);
        }
        if name.eq_ignore_ascii_case(UTC_NOW) {
            return Attribute::Known(Value::Time(self.now));
        }
        if name.eq_ignore_ascii_case(CLIENT_ADDRESS) {
            return match self.address.from {
                From::Address(address) => {
                    let text = self.address.text.get_or_init(|| AddressText::new(address));
                    text.as_str().map_or(Attribute::Absent, |text| Attribute::Known(Value::Text(text)))
                }
                From::Nowhere => Attribute::Absent,
                From::NotYet => Attribute::Unknown,
            };
        }
        self.rest.get(source, name)
    }
}

/// A request of which nothing is known yet but that it will come: what it asks for, and what of, is open.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotYetKnown;

impl Attributes for NotYetKnown {
    fn get(&self, source: Source, _: &str) -> Attribute<'_> {
        match source {
            Source::Request | Source::Resource => Attribute::Unknown,
            Source::Environment | Source::Principal => Attribute::Absent,
        }
    }
}

impl AddressText {
    fn new(address: IpAddr) -> AddressText {
        let mut text = AddressText { bytes: [0; LONGEST_ADDRESS], length: 0 };
        if write!(text, "{}", address.to_canonical()).is_err() {
            text.length = 0;
        }
        text
    }

    fn as_str(&self) -> Option<&str> {
        let text = std::str::from_utf8(self.bytes.get(..self.length)?).ok()?;
        (!text.is_empty()).then_some(text)
    }
}

impl Write for AddressText {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let end = self.length + part.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?;
        room.copy_from_slice(part.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_rbac::condition::NoAttributes;

    #[test]
    fn an_address_is_told_in_its_shortest_form() {
        for (address, text) in [
            ("::ffff:10.1.2.3", "10.1.2.3"),
            ("2001:DB8::1", "2001:db8::1"),
            ("1111:2222:3333:4444:5555:6666:7777:8888", "1111:2222:3333:4444:5555:6666:7777:8888"),
        ] {
            let told = Told::new(7, From::Address(address.parse().unwrap()), &NoAttributes);
            let known = told.get(Source::Environment, "clientaddress");
            assert_eq!(known, Attribute::Known(Value::Text(text)));
        }
        let told = Told::new(7, From::Nowhere, &NotYetKnown);
        assert_eq!(told.get(Source::Environment, CLIENT_ADDRESS), Attribute::Absent);
        assert_eq!(told.get(Source::Environment, "utcnow"), Attribute::Known(Value::Time(7)));
        assert_eq!(told.get(Source::Request, "x"), Attribute::Unknown);
        assert_eq!(told.get(Source::Environment, "isPrivateLink"), Attribute::Absent);
    }
}
