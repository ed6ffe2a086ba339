//! What a condition saw, for explanations.

use std::fmt::{self, Write as _};

use super::evaluate::{answers, get};
use super::syntax::{Expression, Reference};
use super::{Attribute, Attributes, TraceLine, Value};

/// A line for each comparison of the tree.
pub(super) fn lines(
    tree: &Expression,
    text: &str,
    action: &str,
    attributes: &dyn Attributes,
) -> Vec<TraceLine> {
    let mut lines = Vec::new();
    tree.walk(&mut |expression| {
        let span = match expression {
            Expression::Action { span, .. }
            | Expression::SubOperation { span, .. }
            | Expression::Exists { span, .. } => span,
            Expression::Comparison(comparison) => &comparison.span,
            Expression::Not(_) | Expression::And(_) | Expression::Or(_) => return,
        };
        let mut saw = String::new();
        for reference in expression.own_attributes() {
            let separator = if saw.is_empty() { "" } else { "; " };
            // Writing to a string cannot fail.
            let _ = write!(saw, "{separator}{reference} {}", Seen(get(reference, attributes)));
        }
        lines.push(TraceLine {
            text: text.get(span.clone()).unwrap_or_default().to_owned(),
            saw,
            outcome: answers(expression, action, attributes).truth(),
        });
    });
    lines
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}[{}]", self.source, self.name)
    }
}

/// An attribute as a predicate: "is 'x'".
struct Seen<'a>(Attribute<'a>);

impl fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Attribute::Absent => f.write_str("is absent"),
            Attribute::Unknown => f.write_str("is not known yet"),
            Attribute::Known(value) => {
                f.write_str("is ")?;
                match value {
                    Value::Text(text) => write!(f, "'{text}'"),
                    Value::Texts(texts) => list(f, texts.iter().map(|text| format!("'{text}'"))),
                    Value::Number(number) => write!(f, "{number}"),
                    Value::Boolean(boolean) => write!(f, "{boolean}"),
                    Value::Guid(guid) => write!(f, "{guid}"),
                    Value::Guids(guids) => list(f, guids.iter().map(ToString::to_string)),
                    Value::Time(micros) => time(f, micros),
                }
            }
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, values: impl Iterator<Item = String>) -> fmt::Result {
    /// Most values that are shown.
    const MOST: usize = 8;
    f.write_char('{')?;
    for (n, value) in values.take(MOST + 1).enumerate() {
        match n {
            0 => f.write_str(&value)?,
            MOST => f.write_str(", ...")?,
            _ => write!(f, ", {value}")?,
        }
    }
    f.write_char('}')
}

/// A moment in Unix µs as a condition writes it, to the second.
pub(crate) fn time(f: &mut fmt::Formatter<'_>, micros: i64) -> fmt::Result {
    let seconds = micros.div_euclid(1_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    write!(f, "'{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z'")
}

/// The date that is `days` after 1970-01-01. Years of this reckoning begin in March, so that the leap day is
/// the last of its year.
fn date(days: i64) -> (i64, i64, i64) {
    let since_march_of_0 = days + 719_468;
    let era = since_march_of_0.div_euclid(146_097);
    let in_era = since_march_of_0.rem_euclid(146_097);
    let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::literal;

    #[test]
    fn a_moment_is_shown_as_it_is_written() {
        struct Shown(i64);
        impl fmt::Display for Shown {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                time(f, self.0)
            }
        }
        for text in [
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2000-02-29T12:34:56Z",
            "2026-11-22T05:30:00Z",
            "2100-03-01T00:00:00Z",
            "0001-12-31T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(Shown(literal::time(text).unwrap()).to_string(), format!("'{text}'"));
        }
    }
}
