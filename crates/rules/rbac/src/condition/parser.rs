//! From text to tree.
//!
//! ```text
//! expression = term ( AND term )*  |  term ( OR term )*
//! term       = NOT* ( "(" expression ")" | function | Exists attribute | operand operator operand )
//! function   = ( ActionMatches | SubOperationMatches ) "{" text "}"
//! operand    = attribute | value | "{" value ( "," value )* "}"
//! ```

use std::ops::Range;

use super::lexer::{Lexer, Token, shortened};
use super::literal::{self, Network, NoNetwork};
use super::operator::{Class, NoOperator, Operator};
use super::syntax::{Comparison, Expression, Literals, Operand, Reference};
use super::{ConditionError, known};
use crate::ActionPattern;

/// Most parentheses around anything. Evaluation goes as deep as the tree.
const MAX_DEPTH: usize = 64;

/// Reads a whole condition.
pub(super) fn parse(text: &str) -> Result<Expression, ConditionError> {
    let mut lexer = Lexer::new(text);
    let (token, span) = lexer.next()?;
    let mut parser = Parser { lexer, token, span, previous_end: 0 };
    let expression = parser.expression(0)?;
    match parser.token {
        Token::End => Ok(expression),
        Token::Close => Err(parser.error("this `)` closes nothing")),
        _ => Err(parser.expected("AND, OR or the end")),
    }
}

/// A side of a comparison before the operator is known.
enum Raw<'a> {
    Attribute(Reference),
    /// Values, each with its place; whether they stand in braces.
    Values(Vec<(RawValue<'a>, usize)>, bool),
}

enum RawValue<'a> {
    Quoted(&'a str),
    Word(&'a str),
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    span: Range<usize>,
    /// Where the token before this one ends.
    previous_end: usize,
}

impl<'a> Parser<'a> {
    fn expression(&mut self, depth: usize) -> Result<Expression, ConditionError> {
        let mut terms = vec![self.term(depth)?];
        let joined_by = self.token;
        while matches!(self.token, Token::And | Token::Or) {
            if self.token != joined_by {
                return Err(self.error(
                    "AND and OR stand side by side here, so it is ambiguous which comes first; put \
                     parentheses around the part that does",
                ));
            }
            self.advance()?;
            terms.push(self.term(depth)?);
        }
        Ok(match (terms.pop(), joined_by) {
            (Some(only), _) if terms.is_empty() => only,
            (last, Token::Or) => Expression::Or(terms.into_iter().chain(last).collect()),
            (last, _) => Expression::And(terms.into_iter().chain(last).collect()),
        })
    }

    fn term(&mut self, depth: usize) -> Result<Expression, ConditionError> {
        let mut negated = false;
        while self.token == Token::Not {
            negated = !negated;
            self.advance()?;
        }
        let inner = self.unnegated(depth)?;
        Ok(if negated { Expression::Not(Box::new(inner)) } else { inner })
    }

    fn unnegated(&mut self, depth: usize) -> Result<Expression, ConditionError> {
        let start = self.span.start;
        match self.token {
            Token::Open => {
                if depth >= MAX_DEPTH {
                    return Err(self.error(format!("parentheses are nested more than {MAX_DEPTH} deep")));
                }
                self.advance()?;
                let inner = self.expression(depth + 1)?;
                self.take(&Token::Close, "AND, OR or `)`")?;
                Ok(inner)
            }
            Token::Word(word) if word.eq_ignore_ascii_case("Exists") => {
                self.advance()?;
                let Some(attribute) = self.attribute()? else {
                    return Err(self.expected("an attribute, such as @Request[name]"));
                };
                Ok(Expression::Exists { attribute, span: start..self.previous_end })
            }
            Token::Word(word) if word.eq_ignore_ascii_case("ActionMatches") => {
                let (pattern, at) = self.argument()?;
                let pattern = self.action_pattern(&pattern, at)?;
                Ok(Expression::Action { pattern, span: start..self.previous_end })
            }
            Token::Word(word) if word.eq_ignore_ascii_case("SubOperationMatches") => {
                let (name, at) = self.argument()?;
                if name.is_empty() {
                    return Err(self.error_at(at, "a sub-operation has a name"));
                }
                Ok(Expression::SubOperation { name: name.into(), span: start..self.previous_end })
            }
            _ => self.comparison(),
        }
    }

    /// The `{'text'}` of a function, and where the text stands.
    fn argument(&mut self) -> Result<(String, usize), ConditionError> {
        self.advance()?;
        self.take(&Token::OpenSet, "`{`")?;
        let (at, Token::Quoted(text)) = (self.span.start, &self.token) else {
            return Err(self.expected("a text in quotes"));
        };
        let text = text.replace("''", "'");
        self.advance()?;
        self.take(&Token::CloseSet, "`}`")?;
        Ok((text, at))
    }

    fn action_pattern(&self, text: &str, at: usize) -> Result<ActionPattern, ConditionError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._:-/*".contains(c);
        if let Some(odd) = text.chars().find(|c| !fits(*c)) {
            return Err(self.error_at(at, format!("an action has no {odd:?}")));
        }
        if !text.contains(['/', '*']) {
            return Err(
                self.error_at(at, "an action is Company.Provider/resourceType/verb; `*` is any part of it")
            );
        }
        Ok(ActionPattern::compile(text))
    }

    fn comparison(&mut self) -> Result<Expression, ConditionError> {
        let start = self.span.start;
        let left =
            self.operand("an attribute such as @Request[name], a value, `(`, Exists or ActionMatches")?;
        let Token::Word(word) = self.token else {
            return Err(self.expected("an operator such as StringEquals"));
        };
        let operator = match Operator::parse(word) {
            Ok(operator) => operator,
            Err(NoOperator::Unknown) => return Err(self.expected("an operator such as StringEquals")),
            Err(NoOperator::NoCrossProduct) => {
                let (prefix, name) = word.split_once(':').unwrap_or((word, ""));
                return Err(self.error(format!("{name} compares one value with one; leave `{prefix}:` out")));
            }
        };
        self.advance()?;
        let right_start = self.span.start;
        let right = self.operand("an attribute or a value")?;
        let operator_is = (operator, word);
        if operator.test.needs_literal() && matches!(right, Raw::Attribute(_)) {
            let message = format!("the right side of {} is written out, it is no attribute", shortened(word));
            return Err(self.error_at(right_start, message));
        }
        // An address on the left side comes from the request.
        if operator.test.class() == Class::Address && matches!(left, Raw::Values(..)) {
            return Err(self.error_at(start, "expected an attribute that holds an address"));
        }
        let mut comparison = Comparison {
            left: self.typed(left, operator_is)?,
            operator,
            right: self.typed(right, operator_is)?,
            span: start..self.previous_end,
        };
        if comparison.attributes().any(known::ignores_case) {
            comparison.operator = operator.ignoring_case();
        }
        Ok(Expression::Comparison(comparison))
    }

    fn operand(&mut self, expected: &str) -> Result<Raw<'a>, ConditionError> {
        if let Some(reference) = self.attribute()? {
            return Ok(Raw::Attribute(reference));
        }
        if self.token != Token::OpenSet {
            return Ok(Raw::Values(vec![self.value(expected)?], false));
        }
        self.advance()?;
        let mut values = vec![self.value("a value")?];
        while self.token == Token::Comma {
            self.advance()?;
            values.push(self.value("a value")?);
        }
        self.take(&Token::CloseSet, "`,` or `}`")?;
        Ok(Raw::Values(values, true))
    }

    fn attribute(&mut self) -> Result<Option<Reference>, ConditionError> {
        let Token::Attribute { source, name, case_sensitive } = self.token else { return Ok(None) };
        self.advance()?;
        Ok(Some(Reference { source, name: name.into(), case_sensitive }))
    }

    fn value(&mut self, expected: &str) -> Result<(RawValue<'a>, usize), ConditionError> {
        let value = match self.token {
            Token::Quoted(text) => RawValue::Quoted(text),
            Token::Word(word) => RawValue::Word(word),
            _ => return Err(self.expected(expected)),
        };
        let at = self.span.start;
        self.advance()?;
        Ok((value, at))
    }

    /// Gives a side the type that the operator compares.
    fn typed(&self, raw: Raw<'a>, (operator, word): (Operator, &str)) -> Result<Operand, ConditionError> {
        let (values, braces) = match raw {
            Raw::Attribute(reference) => return Ok(Operand::Attribute(reference)),
            Raw::Values(values, braces) => (values, braces),
        };
        if let (true, None, Some((_, second))) = (braces, operator.cross, values.get(1)) {
            let message = format!(
                "{0} compares one value with one; ForAnyOfAnyValues:{0} and its like compare several",
                shortened(word)
            );
            return Err(self.error_at(*second, message));
        }
        let literals = match operator.test.class() {
            Class::Text => Literals::Texts(self.each(&values, |value| match value {
                RawValue::Quoted(text) => Ok(text.replace("''", "'").into()),
                RawValue::Word(_) => Err("a text in single quotes".to_owned()),
            })?),
            Class::Number => Literals::Numbers(self.each(&values, |value| match value {
                RawValue::Word(word) => word.parse().map_err(|_| "an integer".to_owned()),
                RawValue::Quoted(_) => Err("an integer, without quotes".to_owned()),
            })?),
            Class::Time => Literals::Times(self.each(&values, |value| {
                literal::time(value.text())
                    .ok_or_else(|| "a moment in UTC, such as '2026-12-31T23:59:59.0Z'".to_owned())
            })?),
            Class::Guid => Literals::Guids(
                self.each(&values, |value| literal::guid(value.text()).ok_or_else(|| "a GUID".to_owned()))?,
            ),
            Class::Boolean => {
                let read = self.each(&values, |value| match value {
                    RawValue::Word(word) if word.eq_ignore_ascii_case("true") => Ok(true),
                    RawValue::Word(word) if word.eq_ignore_ascii_case("false") => Ok(false),
                    _ => Err("true or false".to_owned()),
                })?;
                Literals::Boolean(read.first().copied().unwrap_or(false))
            }
            Class::Address => Literals::Networks(self.each(&values, network)?),
        };
        Ok(Operand::Literals(literals))
    }

    fn each<T>(
        &self,
        values: &[(RawValue<'a>, usize)],
        read: impl Fn(&RawValue<'a>) -> Result<T, String>,
    ) -> Result<Box<[T]>, ConditionError> {
        let read = |(value, at): &(RawValue<'a>, usize)| {
            read(value).map_err(|expected| {
                self.error_at(*at, format!("expected {expected}, found `{}`", shortened(value.text())))
            })
        };
        values.iter().map(read).collect()
    }

    fn advance(&mut self) -> Result<(), ConditionError> {
        self.previous_end = self.span.end;
        (self.token, self.span) = self.lexer.next()?;
        Ok(())
    }

    fn take(&mut self, token: &Token<'_>, expected: &str) -> Result<(), ConditionError> {
        if self.token != *token {
            return Err(self.expected(expected));
        }
        self.advance()
    }

    fn expected(&self, what: &str) -> ConditionError {
        self.error(format!("expected {what}, found {}", self.token.describe()))
    }

    fn error(&self, message: impl Into<String>) -> ConditionError {
        self.error_at(self.span.start, message)
    }

    fn error_at(&self, at: usize, message: impl Into<String>) -> ConditionError {
        ConditionError::new(self.lexer.text, at, message)
    }
}

impl<'a> RawValue<'a> {
    fn text(&self) -> &'a str {
        match self {
            RawValue::Quoted(text) | RawValue::Word(text) => text,
        }
    }
}

fn network(value: &RawValue<'_>) -> Result<Network, String> {
    let RawValue::Quoted(text) = value else { return Err("a network in single quotes".to_owned()) };
    Network::parse(text).map_err(|error| match error {
        NoNetwork::Malformed => "a network such as '10.0.0.0/8' or '2001:db8::/32', or an address".to_owned(),
        NoNetwork::HostBits(network) => format!("the first address of a network, such as '{network}'"),
    })
}
