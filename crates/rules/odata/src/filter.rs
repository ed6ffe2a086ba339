//! The tree of a filter, and its text.

use std::fmt;

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of these hold; two or more.
    And(Vec<Filter>),
    /// At least one of these holds; two or more.
    Or(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// `left operator right`.
    Compare {
        /// The left side.
        left: Operand,
        /// How they compare.
        comparison: Comparison,
        /// The right side.
        right: Operand,
    },
    /// `operand in (a, b)`.
    In {
        /// What is looked for.
        operand: Operand,
        /// Where.
        values: Vec<Literal>,
    },
    /// A function that is a condition by itself: `startswith(displayName,'a')`, `atScope()`.
    Call(Call),
    /// `collection/any(x:condition)`; without a condition: the collection is not empty.
    Any {
        /// The collection.
        collection: Path,
        /// The condition on its elements.
        lambda: Option<Lambda>,
    },
    /// `collection/all(x:condition)`.
    All {
        /// The collection.
        collection: Path,
        /// The condition on its elements.
        lambda: Lambda,
    },
    /// A property that is true or false by itself: `accountEnabled`.
    Flag(Path),
}

/// A condition on an element that a variable names.
#[derive(Clone, Debug, PartialEq)]
pub struct Lambda {
    /// The variable.
    pub variable: String,
    /// The condition.
    pub condition: Box<Filter>,
}

/// A function and its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its name as written.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<Operand>,
}

impl Call {
    /// Whether it is this function; letter case is ignored.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The only argument, where it is a text.
    pub fn text_argument(&self) -> Option<&str> {
        match self.arguments.as_slice() {
            [Operand::Literal(Literal::Text(text))] => Some(text),
            _ => None,
        }
    }
}

/// What is compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A property.
    Path(Path),
    /// A value.
    Literal(Literal),
    /// What a function answers: `tolower(displayName)`.
    Call(Call),
}

/// The names that lead to a property: `properties/principalId`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(pub Vec<String>);

impl Path {
    /// Whether it is the path of these names; letter case is ignored.
    pub fn is(&self, names: &[&str]) -> bool {
        self.0.len() == names.len()
            && self.0.iter().zip(names).all(|(own, name)| own.eq_ignore_ascii_case(name))
    }
}

/// A value in a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `'text'`; a quote is doubled.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction; always finite.
    Decimal(f64),
    /// `true` or `false`.
    Flag(bool),
    /// `null`.
    Null,
    /// A date, a time stamp or a GUID without quotes, as written.
    Bare(String),
}

/// How two operands compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `eq`.
    Equal,
    /// `ne`.
    NotEqual,
    /// `gt`.
    Greater,
    /// `ge`.
    GreaterOrEqual,
    /// `lt`.
    Less,
    /// `le`.
    LessOrEqual,
}

impl Comparison {
    const ALL: [Comparison; 6] = [
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
    ];

    /// The operator.
    pub fn as_str(self) -> &'static str {
        match self {
            Comparison::Equal => "eq",
            Comparison::NotEqual => "ne",
            Comparison::Greater => "gt",
            Comparison::GreaterOrEqual => "ge",
            Comparison::Less => "lt",
            Comparison::LessOrEqual => "le",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Comparison> {
        Comparison::ALL.into_iter().find(|comparison| comparison.as_str().eq_ignore_ascii_case(word))
    }
}

impl Filter {
    /// Calls `visit` with each condition of the tree, the outermost first.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Filter)) {
        visit(self);
        match self {
            Filter::And(parts) | Filter::Or(parts) => parts.iter().for_each(|part| part.walk(visit)),
            Filter::Not(inner) => inner.walk(visit),
            Filter::Any { lambda: Some(lambda), .. } | Filter::All { lambda, .. } => {
                lambda.condition.walk(visit);
            }
            Filter::Any { lambda: None, .. }
            | Filter::Compare { .. }
            | Filter::In { .. }
            | Filter::Call(_)
            | Filter::Flag(_) => {}
        }
    }

    /// The conditions that must all hold: the parts of an `and`, otherwise the filter itself.
    pub fn conjuncts(&self) -> &[Filter] {
        match self {
            Filter::And(parts) => parts,
            other => std::slice::from_ref(other),
        }
    }

    /// The text that a property must equal, where this is `property eq 'text'` in either order.
    pub fn text_equality(&self) -> Option<(&Path, &str)> {
        match self {
            Filter::Compare { left, comparison: Comparison::Equal, right } => match (left, right) {
                (Operand::Path(path), Operand::Literal(Literal::Text(text) | Literal::Bare(text)))
                | (Operand::Literal(Literal::Text(text) | Literal::Bare(text)), Operand::Path(path)) => {
                    Some((path, text))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

struct Separated<'a, T>(&'a [T], &'static str);

impl<T: fmt::Display> fmt::Display for Separated<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(self.1)?;
            }
            item.fmt(f)?;
        }
        Ok(())
    }
}

/// A part of an `and`, an `or` or a `not`, in parentheses where it would otherwise be read differently.
struct Part<'a>(&'a Filter);

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Filter::And(_) | Filter::Or(_) | Filter::Not(_) => write!(f, "({})", self.0),
            other => other.fmt(f),
        }
    }
}

/// The text of the filter; [`crate::parse`] reads it back to the same tree.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Filter::And(parts) | Filter::Or(parts) => {
                let parts: Vec<Part<'_>> = parts.iter().map(Part).collect();
                let word = if matches!(self, Filter::And(_)) { " and " } else { " or " };
                Separated(&parts, word).fmt(f)
            }
            Filter::Not(inner) => write!(f, "not ({inner})"),
            Filter::Compare { left, comparison, right } => {
                write!(f, "{left} {} {right}", comparison.as_str())
            }
            Filter::In { operand, values } => write!(f, "{operand} in ({})", Separated(values, ",")),
            Filter::Call(call) => call.fmt(f),
            Filter::Any { collection, lambda: None } => write!(f, "{collection}/any()"),
            Filter::Any { collection, lambda: Some(lambda) } => {
                write!(f, "{collection}/any({}:{})", lambda.variable, lambda.condition)
            }
            Filter::All { collection, lambda } => {
                write!(f, "{collection}/all({}:{})", lambda.variable, lambda.condition)
            }
            Filter::Flag(path) => path.fmt(f),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name, Separated(&self.arguments, ","))
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Path(path) => path.fmt(f),
            Operand::Literal(literal) => literal.fmt(f),
            Operand::Call(call) => call.fmt(f),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Separated(&self.0, "/").fmt(f)
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Literal::Integer(number) => number.fmt(f),
            // The debug form keeps the point or the exponent that makes it a decimal.
            Literal::Decimal(number) => write!(f, "{number:?}"),
            Literal::Flag(flag) => flag.fmt(f),
            Literal::Null => f.write_str("null"),
            Literal::Bare(text) => f.write_str(text),
        }
    }
}
