//! As much of CBOR (RFC 8949) as authenticators write: definite lengths, no tags.

/// How deep values may stand inside each other (CTAP 2.1 section 6: four).
const DEEPEST: usize = 8;

/// A value. Floats and simple values other than these are none that authenticators write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    List(Vec<Value<'a>>),
    Map(Vec<(Value<'a>, Value<'a>)>),
    Flag(bool),
    Null,
}

impl<'a> Value<'a> {
    /// Reads one value; answers it with what follows it.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<(Value<'a>, &'a [u8])> {
        read(bytes, 0)
    }

    /// The value of a key that is an integer.
    pub(crate) fn at(&self, key: i64) -> Option<&Value<'a>> {
        self.entry(|known| matches!(known, Value::Integer(number) if *number == key))
    }

    /// The value of a key that is a text.
    pub(crate) fn named(&self, key: &str) -> Option<&Value<'a>> {
        self.entry(|known| matches!(known, Value::Text(text) if *text == key))
    }

    fn entry(&self, is: impl Fn(&Value<'a>) -> bool) -> Option<&Value<'a>> {
        let Value::Map(entries) = self else { return None };
        entries.iter().find(|(key, _)| is(key)).map(|(_, value)| value)
    }

    pub(crate) fn bytes(&self) -> Option<&'a [u8]> {
        if let Value::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    pub(crate) fn integer(&self) -> Option<i64> {
        if let Value::Integer(number) = self { Some(*number) } else { None }
    }
}

fn read(bytes: &[u8], depth: usize) -> Option<(Value<'_>, &[u8])> {
    if depth > DEEPEST {
        return None;
    }
    let (first, rest) = bytes.split_first()?;
    let (major, low) = (first >> 5, first & 0x1f);
    if major == 7 {
        let value = match low {
            20 => Value::Flag(false),
            21 => Value::Flag(true),
            22 => Value::Null,
            _ => return None,
        };
        return Some((value, rest));
    }
    let (number, rest) = argument(low, rest)?;
    match major {
        0 => Some((Value::Integer(i64::try_from(number).ok()?), rest)),
        1 => Some((Value::Integer((-1_i64).checked_sub(i64::try_from(number).ok()?)?), rest)),
        2 | 3 => {
            let (taken, rest) = rest.split_at_checked(usize::try_from(number).ok()?)?;
            let value =
                if major == 2 { Value::Bytes(taken) } else { Value::Text(std::str::from_utf8(taken).ok()?) };
            Some((value, rest))
        }
        4 => {
            let (mut items, mut rest) = (Vec::new(), rest);
            for _ in 0..number {
                let (item, after) = read(rest, depth + 1)?;
                items.push(item);
                rest = after;
            }
            Some((Value::List(items), rest))
        }
        5 => {
            let (mut entries, mut rest) = (Vec::new(), rest);
            for _ in 0..number {
                let (key, after) = read(rest, depth + 1)?;
                let (value, after) = read(after, depth + 1)?;
                entries.push((key, value));
                rest = after;
            }
            Some((Value::Map(entries), rest))
        }
        _ => None,
    }
}

/// The number in a head (RFC 8949 section 3).
fn argument(low: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    let length = match low {
        0..=23 => return Some((u64::from(low), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let (taken, rest) = rest.split_at_checked(length)?;
    Some((taken.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_of_the_specification() {
        // RFC 8949 appendix A.
        for (bytes, value) in [
            (&[0x00][..], Value::Integer(0)),
            (&[0x17], Value::Integer(23)),
            (&[0x18, 0x64], Value::Integer(100)),
            (&[0x1a, 0x00, 0x0f, 0x42, 0x40], Value::Integer(1_000_000)),
            (&[0x20], Value::Integer(-1)),
            (&[0x39, 0x03, 0xe7], Value::Integer(-1000)),
            (&[0x44, 1, 2, 3, 4], Value::Bytes(&[1, 2, 3, 4])),
            (&[0x64, 0x49, 0x45, 0x54, 0x46], Value::Text("IETF")),
            (&[0x82, 0x01, 0xf5], Value::List(vec![Value::Integer(1), Value::Flag(true)])),
            (&[0xa1, 0x01, 0xf6], Value::Map(vec![(Value::Integer(1), Value::Null)])),
        ] {
            assert_eq!(Value::read(bytes), Some((value, &[][..])), "{bytes:?}");
        }
        for bytes in [
            &[][..],
            &[0x18],
            &[0x44, 1],
            &[0x5f, 0x41, 0, 0xff],
            &[0x1b, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0x9b, 255, 255, 255, 255, 255, 255, 255, 255, 1],
            &[0x62, 0xff, 0xff],
            &[0xc0, 0x00],
            &[0x81; 100],
        ] {
            assert_eq!(Value::read(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Value::read(&bytes);
        }
    }
}
