//! What a condition says to a request.
//!
//! Inside, an expression is true, false, or has no answer: a comparison of an attribute that is absent, or
//! of values of different types, is neither true nor false, and so is its negation. A condition without an
//! answer is false as a whole. That way no missing attribute ever grants, `!(...)` around it or not.
//!
//! With unknown attributes, an expression has several answers at once, one for each thing that they may turn
//! out to be; it is decided when one is left.

use std::net::IpAddr;

use uuid::Uuid;

use super::literal::Network;
use super::operator::{Class, Operator, Quantifier, Test};
use super::syntax::{Comparison, Expression, Literals, Operand, Reference};
use super::{Attribute, Attributes, KNOWN, Truth, Value, text};

/// The answers that an expression may still have: a set of three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answers(u8);

impl Answers {
    const TRUE: Answers = Answers(1);
    const FALSE: Answers = Answers(2);
    pub(super) const NONE: Answers = Answers(4);
    const EACH: [Answers; 3] = [Answers::TRUE, Answers::FALSE, Answers::NONE];
    const ANY: Answers = Answers(7);

    fn known(answer: bool) -> Answers {
        if answer { Answers::TRUE } else { Answers::FALSE }
    }

    fn has(self, answer: Answers) -> bool {
        self.0 & answer.0 != 0
    }

    fn not(self) -> Answers {
        Answers(((self.0 >> 1) & 1) | ((self.0 << 1) & 2) | (self.0 & 4))
    }

    /// What `combine` makes of each pair of one answer from here and one from there.
    fn with(self, other: Answers, combine: fn(Answers, Answers) -> Answers) -> Answers {
        let mut all = Answers(0);
        for left in Answers::EACH.into_iter().filter(|answer| self.has(*answer)) {
            for right in Answers::EACH.into_iter().filter(|answer| other.has(*answer)) {
                all.0 |= combine(left, right).0;
            }
        }
        all
    }

    pub(super) fn truth(self) -> Truth {
        match self {
            Answers::TRUE => Truth::True,
            _ if self.has(Answers::TRUE) => Truth::Unknown,
            _ => Truth::False,
        }
    }
}

/// One false answer makes a conjunction false, whatever has no answer.
fn and(left: Answers, right: Answers) -> Answers {
    match (left, right) {
        (Answers::FALSE, _) | (_, Answers::FALSE) => Answers::FALSE,
        (Answers::NONE, _) | (_, Answers::NONE) => Answers::NONE,
        _ => Answers::TRUE,
    }
}

fn or(left: Answers, right: Answers) -> Answers {
    and(left.not(), right.not()).not()
}

/// What an expression may be for a request.
pub(super) fn answers(expression: &Expression, action: &str, attributes: &dyn Attributes) -> Answers {
    match expression {
        Expression::Action { pattern, .. } => Answers::known(pattern.matches(action)),
        Expression::SubOperation { .. } => Answers::FALSE,
        Expression::Exists { attribute, .. } => match get(attribute, attributes) {
            Attribute::Known(_) => Answers::TRUE,
            Attribute::Absent => Answers::FALSE,
            Attribute::Unknown => Answers::ANY,
        },
        Expression::Comparison(comparison) => compare(comparison, attributes),
        Expression::Not(inner) => answers(inner, action, attributes).not(),
        Expression::And(list) => {
            let mut all = Answers::TRUE;
            for part in list {
                all = all.with(answers(part, action, attributes), and);
                if all == Answers::FALSE {
                    break;
                }
            }
            all
        }
        Expression::Or(list) => {
            let mut all = Answers::FALSE;
            for part in list {
                all = all.with(answers(part, action, attributes), or);
                if all == Answers::TRUE {
                    break;
                }
            }
            all
        }
    }
}

/// An attribute of a request. One that is named by its exact spelling must be spelt as this server does.
pub(super) fn get<'a>(reference: &Reference, attributes: &'a dyn Attributes) -> Attribute<'a> {
    let spelt = |name: &str| KNOWN.iter().any(|k| k.source == reference.source && k.name == name);
    if reference.case_sensitive && !spelt(&reference.name) {
        return Attribute::Absent;
    }
    attributes.get(reference.source, &reference.name)
}

fn compare(comparison: &Comparison, attributes: &dyn Attributes) -> Answers {
    let class = comparison.operator.test.class();
    let (left, right) = (side(&comparison.left, attributes), side(&comparison.right, attributes));
    // A side without an answer settles it, though the other be unknown.
    match (left.fitting(class), right.fitting(class)) {
        (Side::None, _) | (_, Side::None) => Answers::NONE,
        (Side::Unknown, _) | (_, Side::Unknown) => Answers::ANY,
        (left, right) => holds(comparison.operator, left, right).map_or(Answers::NONE, Answers::known),
    }
}

/// A side of a comparison, for one request.
#[derive(Clone, Copy)]
enum Side<'a> {
    Value(Value<'a>),
    Literals(&'a Literals),
    Unknown,
    /// Absent, of another type, or without values.
    None,
}

/// One value of a side.
#[derive(Clone, Copy)]
enum Scalar<'a> {
    Text(&'a str),
    Number(i64),
    Time(i64),
    Guid(Uuid),
    Boolean(bool),
    Network(Network),
}

fn side<'a>(operand: &'a Operand, attributes: &'a dyn Attributes) -> Side<'a> {
    match operand {
        Operand::Literals(literals) => Side::Literals(literals),
        Operand::Attribute(reference) => match get(reference, attributes) {
            Attribute::Known(value) => Side::Value(value),
            Attribute::Unknown => Side::Unknown,
            Attribute::Absent => Side::None,
        },
    }
}

impl<'a> Side<'a> {
    /// Itself, if its values are of a class; the parser has seen to that for literals.
    fn fitting(self, class: Class) -> Side<'a> {
        let Side::Value(value) = self else { return self };
        let fits = match value {
            Value::Text(text) => is_text(class, text),
            Value::Texts(texts) => !texts.is_empty() && texts.iter().all(|text| is_text(class, text)),
            Value::Number(_) => class == Class::Number,
            Value::Boolean(_) => class == Class::Boolean,
            Value::Guid(_) => class == Class::Guid,
            Value::Guids(guids) => !guids.is_empty() && class == Class::Guid,
            Value::Time(_) => class == Class::Time,
        };
        if fits { self } else { Side::None }
    }

    fn count(self) -> usize {
        match self {
            Side::Value(Value::Texts(texts)) => texts.len(),
            Side::Value(Value::Guids(guids)) => guids.len(),
            Side::Value(_) | Side::Literals(Literals::Boolean(_)) => 1,
            Side::Literals(Literals::Texts(list)) => list.len(),
            Side::Literals(Literals::Numbers(list) | Literals::Times(list)) => list.len(),
            Side::Literals(Literals::Guids(list)) => list.len(),
            Side::Literals(Literals::Networks(list)) => list.len(),
            Side::Unknown | Side::None => 0,
        }
    }

    fn values(self) -> impl Iterator<Item = Scalar<'a>> + Clone {
        (0..self.count()).filter_map(move |at| self.value(at))
    }

    fn value(self, at: usize) -> Option<Scalar<'a>> {
        Some(match self {
            Side::Value(value) => match value {
                Value::Text(text) => Scalar::Text(text),
                Value::Texts(texts) => Scalar::Text(texts.get(at)?),
                Value::Number(number) => Scalar::Number(number),
                Value::Boolean(boolean) => Scalar::Boolean(boolean),
                Value::Guid(guid) => Scalar::Guid(guid),
                Value::Guids(guids) => Scalar::Guid(*guids.get(at)?),
                Value::Time(time) => Scalar::Time(time),
            },
            Side::Literals(literals) => match literals {
                Literals::Texts(texts) => Scalar::Text(texts.get(at)?),
                Literals::Numbers(numbers) => Scalar::Number(*numbers.get(at)?),
                Literals::Times(times) => Scalar::Time(*times.get(at)?),
                Literals::Guids(guids) => Scalar::Guid(*guids.get(at)?),
                Literals::Boolean(boolean) => Scalar::Boolean(*boolean),
                Literals::Networks(networks) => Scalar::Network(*networks.get(at)?),
            },
            Side::Unknown | Side::None => return None,
        })
    }
}

fn is_text(class: Class, text: &str) -> bool {
    class == Class::Text || (class == Class::Address && text.parse::<IpAddr>().is_ok())
}

/// Whether a comparison holds; [`None`] if it compares what cannot be compared.
fn holds(operator: Operator, left: Side<'_>, right: Side<'_>) -> Option<bool> {
    let (of_left, of_right) = match operator.cross {
        Some(quantifiers) => quantifiers,
        None if left.count() == 1 && right.count() == 1 => (Quantifier::All, Quantifier::All),
        None => return None,
    };
    let pair = |left: Scalar<'_>, right: Scalar<'_>| passes(operator.test, left, right);
    let against_right = |value: Scalar<'_>| match of_right {
        Quantifier::Any => right.values().any(|other| pair(value, other)),
        Quantifier::All => right.values().all(|other| pair(value, other)),
    };
    Some(match of_left {
        Quantifier::Any => left.values().any(against_right),
        Quantifier::All => left.values().all(against_right),
    })
}

/// Whether one value passes the test against another. Values of other types never get here.
fn passes(test: Test, left: Scalar<'_>, right: Scalar<'_>) -> bool {
    match (test, left, right) {
        (Test::Text { test, negated, ignore_case }, Scalar::Text(left), Scalar::Text(right)) => {
            text::passes(test, left, right, ignore_case) != negated
        }
        (Test::Number(relation), Scalar::Number(left), Scalar::Number(right))
        | (Test::Time(relation), Scalar::Time(left), Scalar::Time(right)) => relation.holds(left.cmp(&right)),
        (Test::Guid { negated }, Scalar::Guid(left), Scalar::Guid(right)) => (left == right) != negated,
        (Test::Boolean { negated }, Scalar::Boolean(left), Scalar::Boolean(right)) => {
            (left == right) != negated
        }
        (Test::Address { negated }, Scalar::Text(left), Scalar::Network(right)) => {
            left.parse().is_ok_and(|address| right.contains(address) != negated)
        }
        _ => false,
    }
}
