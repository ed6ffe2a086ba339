//! Reads a filter.

use crate::filter::{Call, Comparison, Filter, Lambda, Literal, Operand, Path};
use crate::scan::{Placed, Word, words};

/// Most bytes of a filter.
pub const MAX_LENGTH: usize = 16 * 1024;
/// Most conditions and functions inside one another.
pub const MAX_DEPTH: usize = 32;

/// What is wrong with a filter, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at position {at}.")]
pub struct FilterError {
    /// The character, from 0, at which it is noticed.
    pub at: usize,
    /// What it is.
    pub fault: FilterFault,
}

/// What is wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    /// More than [`MAX_LENGTH`] bytes.
    #[error("The filter is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// More than [`MAX_DEPTH`] levels.
    #[error("The filter is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// `any` or `all` inside the condition of another.
    #[error("A lambda inside another lambda is not supported")]
    NestedLambda,
    /// A quote that no other ends.
    #[error("There is an unterminated string literal")]
    UnterminatedText,
    /// A character that no word has.
    #[error("Syntax error: character '{0}' is not valid")]
    UnexpectedCharacter(char),
    /// Something else stands where this should.
    #[error("Syntax error: {0} expected")]
    Expected(&'static str),
    /// A complete filter, and more after it.
    #[error("Syntax error: the filter goes on after its end")]
    TrailingText,
}

/// Reads a filter.
///
/// # Errors
/// [`FilterError`], pointing at the character.
pub fn parse(text: &str) -> Result<Filter, FilterError> {
    if text.len() > MAX_LENGTH {
        return Err(FilterError { at: 0, fault: FilterFault::TooLong });
    }
    let words = words(text)?;
    let mut parser = Parser { words: &words, next: 0, end: text.chars().count(), in_lambda: false };
    let filter = parser.either(0)?;
    match parser.peek() {
        None => Ok(filter),
        Some(_) => Err(parser.fault(FilterFault::TrailingText)),
    }
}

struct Parser<'a> {
    words: &'a [Placed],
    next: usize,
    end: usize,
    /// Whether what is read is the condition of a lambda.
    in_lambda: bool,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.next).map(|placed| &placed.word)
    }

    fn peek_at(&self, ahead: usize) -> Option<&'a Word> {
        self.words.get(self.next + ahead).map(|placed| &placed.word)
    }

    fn fault(&self, fault: FilterFault) -> FilterError {
        FilterError { at: self.words.get(self.next).map_or(self.end, |placed| placed.at), fault }
    }

    fn expected(&self, what: &'static str) -> FilterError {
        self.fault(FilterFault::Expected(what))
    }

    fn take_sign(&mut self, sign: char) -> bool {
        let there = self.peek() == Some(&Word::Sign(sign));
        if there {
            self.next += 1;
        }
        there
    }

    fn sign(&mut self, sign: char, name: &'static str) -> Result<(), FilterError> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.expected(name)) }
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let there = matches!(self.peek(), Some(Word::Bare(word)) if word.eq_ignore_ascii_case(keyword));
        if there {
            self.next += 1;
        }
        there
    }

    fn enter(&self, depth: usize) -> Result<usize, FilterError> {
        if depth >= MAX_DEPTH { Err(self.fault(FilterFault::TooDeep)) } else { Ok(depth + 1) }
    }

    fn either(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let first = self.both(depth)?;
        let mut parts = vec![first];
        while self.take_keyword("or") {
            parts.push(self.both(depth)?);
        }
        Ok(join(parts, Filter::Or))
    }

    fn both(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let first = self.single(depth)?;
        let mut parts = vec![first];
        while self.take_keyword("and") {
            parts.push(self.single(depth)?);
        }
        Ok(join(parts, Filter::And))
    }

    fn single(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let depth = self.enter(depth)?;
        if self.is_not() {
            self.next += 1;
            return Ok(Filter::Not(Box::new(self.single(depth)?)));
        }
        if self.take_sign('(') {
            let inner = self.either(depth)?;
            self.sign(')', "')'")?;
            return Ok(inner);
        }
        self.comparison(depth)
    }

    /// Whether a `not` stands here, and not a property of that name.
    fn is_not(&self) -> bool {
        let word = matches!(self.peek(), Some(Word::Bare(word)) if word.eq_ignore_ascii_case("not"));
        let operator = match self.peek_at(1) {
            Some(Word::Bare(next)) => {
                (Comparison::parse(next).is_some() || next.eq_ignore_ascii_case("in"))
                    && !matches!(self.peek_at(2), Some(Word::Sign('/' | '(')))
            }
            Some(Word::Sign('(') | Word::Text(_)) => false,
            _ => true,
        };
        word && !operator
    }

    fn comparison(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let left = match self.operand(depth)? {
            Parsed::Filter(filter) => return Ok(filter),
            Parsed::Operand(left) => left,
        };
        if self.take_keyword("in") {
            return Ok(Filter::In { operand: left, values: self.values()? });
        }
        let comparison = match self.peek() {
            Some(Word::Bare(word)) => Comparison::parse(word),
            _ => None,
        };
        let Some(comparison) = comparison else {
            return match left {
                Operand::Call(call) => Ok(Filter::Call(call)),
                Operand::Path(path) => Ok(Filter::Flag(path)),
                Operand::Literal(_) => Err(self.expected("a comparison operator")),
            };
        };
        self.next += 1;
        match self.operand(depth)? {
            Parsed::Operand(right) => Ok(Filter::Compare { left, comparison, right }),
            Parsed::Filter(_) => Err(self.expected("a value")),
        }
    }

    fn values(&mut self) -> Result<Vec<Literal>, FilterError> {
        self.sign('(', "'('")?;
        let mut values = Vec::new();
        loop {
            match self.literal() {
                Some(value) => values.push(value),
                None => return Err(self.expected("a value")),
            }
            self.next += 1;
            if self.take_sign(')') {
                return Ok(values);
            }
            self.sign(',', "',' or ')'")?;
        }
    }

    /// The value that stands here, if one does.
    fn literal(&self) -> Option<Literal> {
        match self.peek()? {
            Word::Text(text) => Some(Literal::Text(text.clone())),
            Word::Bare(word) => bare_literal(word),
            Word::Sign(_) => None,
        }
    }

    fn operand(&mut self, depth: usize) -> Result<Parsed, FilterError> {
        let depth = self.enter(depth)?;
        if let Some(value) = self.literal() {
            self.next += 1;
            return Ok(Parsed::Operand(Operand::Literal(value)));
        }
        let name = self.name()?;
        if self.take_sign('(') {
            let arguments = self.arguments(depth)?;
            return Ok(Parsed::Operand(Operand::Call(Call { name, arguments })));
        }
        let mut path = vec![name];
        while self.take_sign('/') {
            let name = self.name()?;
            let lambda = self.peek() == Some(&Word::Sign('('));
            if lambda && name.eq_ignore_ascii_case("any") {
                return self
                    .lambda(depth)
                    .map(|lambda| Parsed::Filter(Filter::Any { collection: Path(path), lambda }));
            }
            if lambda && name.eq_ignore_ascii_case("all") {
                let lambda = self.lambda(depth)?.ok_or_else(|| self.expected("a condition"))?;
                return Ok(Parsed::Filter(Filter::All { collection: Path(path), lambda }));
            }
            path.push(name);
        }
        Ok(Parsed::Operand(Operand::Path(Path(path))))
    }

    fn name(&mut self) -> Result<String, FilterError> {
        match self.peek() {
            Some(Word::Bare(word)) if is_name(word) => {
                self.next += 1;
                Ok(word.clone())
            }
            _ => Err(self.expected("a property, a function or a value")),
        }
    }

    fn arguments(&mut self, depth: usize) -> Result<Vec<Operand>, FilterError> {
        let mut arguments = Vec::new();
        if self.take_sign(')') {
            return Ok(arguments);
        }
        loop {
            match self.operand(depth)? {
                Parsed::Operand(argument) => arguments.push(argument),
                Parsed::Filter(_) => return Err(self.expected("a value")),
            }
            if self.take_sign(')') {
                return Ok(arguments);
            }
            self.sign(',', "',' or ')'")?;
        }
    }

    fn lambda(&mut self, depth: usize) -> Result<Option<Lambda>, FilterError> {
        // SECURITY: each level multiplies the cost of a filter by the length of a collection.
        if self.in_lambda {
            return Err(self.fault(FilterFault::NestedLambda));
        }
        self.sign('(', "'('")?;
        if self.take_sign(')') {
            return Ok(None);
        }
        let variable = self.name()?;
        self.sign(':', "':'")?;
        self.in_lambda = true;
        let condition = Box::new(self.either(depth)?);
        self.in_lambda = false;
        self.sign(')', "')'")?;
        Ok(Some(Lambda { variable, condition }))
    }
}

/// What stands on the left of an operator, or a whole condition that begins like it.
enum Parsed {
    Operand(Operand),
    Filter(Filter),
}

fn join(mut parts: Vec<Filter>, many: fn(Vec<Filter>) -> Filter) -> Filter {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            parts.push(last);
            many(parts)
        }
        // INVARIANT: the callers push at least one part.
        (None, _) => many(parts),
    }
}

/// The value that a word without quotes is; `None` where it is a name.
fn bare_literal(word: &str) -> Option<Literal> {
    if word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false") {
        return Some(Literal::Flag(word.eq_ignore_ascii_case("true")));
    }
    if word.eq_ignore_ascii_case("null") {
        return Some(Literal::Null);
    }
    if let Ok(number) = word.parse::<i64>() {
        return Some(Literal::Integer(number));
    }
    let begins_value = word.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+'));
    if begins_value
        && let Ok(number) = word.parse::<f64>()
        && number.is_finite()
    {
        return Some(Literal::Decimal(number));
    }
    let begins_digit = word.starts_with(|first: char| first.is_ascii_digit());
    (begins_digit || is_guid(word)).then(|| Literal::Bare(word.to_owned()))
}

fn is_guid(word: &str) -> bool {
    let groups: Vec<&str> = word.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || matches!(first, '_' | '$' | '@'))
        && bare_literal(word).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_that_clients_send() {
        for text in [
            "appId eq '5f1b6b38-9d7e-4ff9-8cf0-0f3f6f2a3d11'",
            "identifierUris/any(s:s eq 'api://x')",
            "servicePrincipalNames/any(c:c eq 'x')",
            "startswith(displayName,'it''s')",
            "displayName eq 'a' and mailNickname eq 'b'",
            "atScope() and assignedTo('5f1b6b38-9d7e-4ff9-8cf0-0f3f6f2a3d11')",
            "atScopeAndBelow()",
            "roleName eq 'Owner' and type eq 'BuiltInRole'",
            "resourceType eq 'Microsoft.Communication/emailServices'",
            "tagName eq 'a' and tagValue eq 'b'",
            "substringof('x',name)",
            "id in ('a','b')",
            "not (startswith(displayName,'a'))",
            "createdDateTime ge 2026-01-01T00:00:00Z",
            "tags/any()",
            "appRoles/all(r:r/isEnabled eq true)",
            "accountEnabled",
            "keyCredentials/$count eq 0",
            "id eq abcdef01-0000-4000-8000-00000000000a",
        ] {
            assert_eq!(parse(text).map(|filter| filter.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn and_binds_tighter_than_or_and_not_tighter_than_both() {
        let tree = |text: &str| parse(text).unwrap();
        assert_eq!(tree("a eq 1 or b eq 2 and c eq 3"), tree("a eq 1 or (b eq 2 and c eq 3)"));
        assert_ne!(tree("a eq 1 or b eq 2 and c eq 3"), tree("(a eq 1 or b eq 2) and c eq 3"));
        assert_eq!(tree("not a eq 1 and b eq 2"), tree("(not (a eq 1)) and b eq 2"));
        assert_eq!(tree("NOT(startsWith(a,'x')) AND b EQ 2"), tree("not startsWith(a,'x') and b eq 2"));
    }

    #[test]
    fn errors_point_at_the_character() {
        for (text, at, fault) in [
            ("", 0, FilterFault::Expected("a property, a function or a value")),
            ("a eq 'x", 5, FilterFault::UnterminatedText),
            ("a eq \"x\"", 5, FilterFault::UnexpectedCharacter('"')),
            ("a eq", 4, FilterFault::Expected("a property, a function or a value")),
            ("a eq 1 b", 7, FilterFault::TrailingText),
            ("'x'", 3, FilterFault::Expected("a comparison operator")),
            ("(a eq 1", 7, FilterFault::Expected("')'")),
            ("ä eq 'ö' )", 9, FilterFault::TrailingText),
            ("a in ()", 6, FilterFault::Expected("a value")),
            ("a in ('b' 'c')", 10, FilterFault::Expected("',' or ')'")),
            ("f(a", 3, FilterFault::Expected("',' or ')'")),
            ("a/any(s s eq 1)", 8, FilterFault::Expected("':'")),
        ] {
            assert_eq!(parse(text), Err(FilterError { at, fault }), "{text}");
        }
    }

    #[test]
    fn a_lambda_inside_a_lambda_is_refused() {
        for (text, at) in [
            ("tags/any(a:tags/any(b:b eq a))", 19),
            ("tags/all(a:not (tags/any()))", 24),
            ("a/any(x:x eq 1) and b/any(y:b/all(z:z eq 1))", 33),
        ] {
            assert_eq!(parse(text), Err(FilterError { at, fault: FilterFault::NestedLambda }), "{text}");
        }
        assert!(parse("a/any(x:x eq 1) and (b/all(y:y eq 1) or c/any())").is_ok());
    }

    #[test]
    fn length_and_depth_are_bounded() {
        let deep = format!("{}a eq 1{}", "(".repeat(1000), ")".repeat(1000));
        assert_eq!(parse(&deep).unwrap_err().fault, FilterFault::TooDeep);
        let nots = format!("{} a eq 1", "not ".repeat(1000));
        assert_eq!(parse(&nots).unwrap_err().fault, FilterFault::TooDeep);
        let calls = format!("{}a{} eq 1", "f(".repeat(1000), ")".repeat(1000));
        assert_eq!(parse(&calls).unwrap_err().fault, FilterFault::TooDeep);
        let long = format!("a eq '{}'", "x".repeat(MAX_LENGTH));
        assert_eq!(parse(&long).unwrap_err().fault, FilterFault::TooLong);
        let wide = vec!["a eq 1"; 1400].join(" and ");
        assert!(parse(&wide).is_ok());
    }
}
