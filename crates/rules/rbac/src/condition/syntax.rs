//! A condition as a tree.

use std::ops::Range;

use uuid::Uuid;

use super::Source;
use super::literal::Network;
use super::operator::Operator;
use crate::ActionPattern;

/// An attribute that a condition names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) source: Source,
    pub(super) name: Box<str>,
    /// Whether the name means the attribute of exactly this spelling.
    pub(super) case_sensitive: bool,
}

/// An expression. INVARIANT: lists have two members or more; the depth is bounded by the parser.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    /// `ActionMatches{'pattern'}`.
    Action {
        pattern: ActionPattern,
        span: Range<usize>,
    },
    /// `SubOperationMatches{'name'}`. No operation of this server has a sub-operation, so it never matches.
    SubOperation {
        name: Box<str>,
        span: Range<usize>,
    },
    /// `Exists @Source[name]`.
    Exists {
        attribute: Reference,
        span: Range<usize>,
    },
    /// `left operator right`.
    Comparison(Comparison),
    Not(Box<Expression>),
    And(Box<[Expression]>),
    Or(Box<[Expression]>),
}

#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub(super) left: Operand,
    pub(super) operator: Operator,
    pub(super) right: Operand,
    pub(super) span: Range<usize>,
}

impl Comparison {
    /// The attributes on its sides.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &Reference> {
        [&self.left, &self.right].into_iter().filter_map(|operand| match operand {
            Operand::Attribute(reference) => Some(reference),
            Operand::Literals(_) => None,
        })
    }

    /// The texts that are written on its sides.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.left, &self.right].into_iter().flat_map(|operand| match operand {
            Operand::Literals(Literals::Texts(texts)) => texts.iter().map(AsRef::as_ref).collect(),
            _ => Vec::new(),
        })
    }
}

/// A side of a comparison.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Attribute(Reference),
    Literals(Literals),
}

/// Values that are written in the condition, of the class that the operator compares. INVARIANT: never none,
/// and one only where the operator is no cross product.
#[derive(Clone, Debug)]
pub(super) enum Literals {
    Texts(Box<[Box<str>]>),
    Numbers(Box<[i64]>),
    Times(Box<[i64]>),
    Guids(Box<[Uuid]>),
    Boolean(bool),
    Networks(Box<[Network]>),
}

impl Expression {
    /// Calls `visit` for this expression and all in it, in the order of the text.
    pub(super) fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        visit(self);
        match self {
            Expression::Not(inner) => inner.walk(visit),
            Expression::And(list) | Expression::Or(list) => list.iter().for_each(|part| part.walk(visit)),
            Expression::Action { .. }
            | Expression::SubOperation { .. }
            | Expression::Exists { .. }
            | Expression::Comparison(_) => {}
        }
    }

    /// The attributes that it names itself, not those of the expressions in it.
    pub(super) fn own_attributes(&self) -> Vec<&Reference> {
        match self {
            Expression::Exists { attribute, .. } => vec![attribute],
            Expression::Comparison(comparison) => comparison.attributes().collect(),
            _ => Vec::new(),
        }
    }
}
