//! The operators of comparisons.

use std::cmp::Ordering;

/// What an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Text,
    Number,
    Time,
    Guid,
    Boolean,
    /// Addresses on the left, networks on the right.
    Address,
}

/// How texts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextTest {
    Equals,
    StartsWith,
    Like,
}

/// How numbers and moments are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equals,
    NotEquals,
    GreaterThan,
    GreaterThanEquals,
    LessThan,
    LessThanEquals,
}

impl Relation {
    pub(super) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Relation::Equals => ordering.is_eq(),
            Relation::NotEquals => ordering.is_ne(),
            Relation::GreaterThan => ordering.is_gt(),
            Relation::GreaterThanEquals => ordering.is_ge(),
            Relation::LessThan => ordering.is_lt(),
            Relation::LessThanEquals => ordering.is_le(),
        }
    }
}

/// What is asked of one value on the left and one on the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Text { test: TextTest, negated: bool, ignore_case: bool },
    Number(Relation),
    Time(Relation),
    Guid { negated: bool },
    Boolean { negated: bool },
    Address { negated: bool },
}

impl Test {
    pub(super) fn class(self) -> Class {
        match self {
            Test::Text { .. } => Class::Text,
            Test::Number(_) => Class::Number,
            Test::Time(_) => Class::Time,
            Test::Guid { .. } => Class::Guid,
            Test::Boolean { .. } => Class::Boolean,
            Test::Address { .. } => Class::Address,
        }
    }

    /// Whether its right side is a pattern or a network rather than a value: such a side is written in the
    /// condition, it never comes from a request.
    pub(super) fn needs_literal(self) -> bool {
        matches!(self, Test::Text { test: TextTest::Like, .. } | Test::Address { .. })
    }

    /// Whether it may stand after `ForAnyOfAnyValues:` and its like.
    fn crosses(self) -> bool {
        match self {
            Test::Text { test, .. } => test != TextTest::StartsWith,
            Test::Number(_) | Test::Guid { .. } | Test::Address { .. } => true,
            Test::Time(_) | Test::Boolean { .. } => false,
        }
    }

    fn parse(name: &str) -> Option<Test> {
        let name = name.to_ascii_lowercase();
        if let Some(rest) = name.strip_prefix("string") {
            return text_test(rest);
        }
        if let Some(rest) = name.strip_prefix("numeric") {
            return relation(rest).map(Test::Number);
        }
        if let Some(rest) = name.strip_prefix("datetime") {
            return relation(rest).map(Test::Time);
        }
        match name.as_str() {
            "guidequals" => Some(Test::Guid { negated: false }),
            "guidnotequals" => Some(Test::Guid { negated: true }),
            "boolequals" => Some(Test::Boolean { negated: false }),
            "boolnotequals" => Some(Test::Boolean { negated: true }),
            "ipaddressin" => Some(Test::Address { negated: false }),
            "ipaddressnotin" => Some(Test::Address { negated: true }),
            _ => None,
        }
    }
}

fn text_test(rest: &str) -> Option<Test> {
    let (rest, negated) = rest.strip_prefix("not").map_or((rest, false), |rest| (rest, true));
    let (rest, ignore_case) = rest.strip_suffix("ignorecase").map_or((rest, false), |rest| (rest, true));
    let test = match rest {
        "equals" => TextTest::Equals,
        "startswith" => TextTest::StartsWith,
        "like" => TextTest::Like,
        _ => return None,
    };
    Some(Test::Text { test, negated, ignore_case })
}

fn relation(rest: &str) -> Option<Relation> {
    Some(match rest {
        "equals" => Relation::Equals,
        "notequals" => Relation::NotEquals,
        "greaterthan" => Relation::GreaterThan,
        "greaterthanequals" => Relation::GreaterThanEquals,
        "lessthan" => Relation::LessThan,
        "lessthanequals" => Relation::LessThanEquals,
        _ => return None,
    })
}

/// How many of the values on one side must fulfil a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    Any,
    All,
}

/// An operator: a test, and which pairs of values must pass it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) test: Test,
    /// Of the left values and of the right ones; [`None`] compares one value with one.
    pub(super) cross: Option<(Quantifier, Quantifier)>,
}

/// Why a word is not an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoOperator {
    /// There is none of this name.
    Unknown,
    /// There is no cross product of it.
    NoCrossProduct,
}

impl Operator {
    /// The same, ignoring letter case if it compares texts.
    pub(super) fn ignoring_case(self) -> Operator {
        match self.test {
            Test::Text { test, negated, .. } => {
                Operator { test: Test::Text { test, negated, ignore_case: true }, ..self }
            }
            _ => self,
        }
    }

    /// Reads the name of an operator, ignoring letter case.
    pub(super) fn parse(word: &str) -> Result<Operator, NoOperator> {
        let Some((prefix, name)) = word.split_once(':') else {
            let test = Test::parse(word).ok_or(NoOperator::Unknown)?;
            return Ok(Operator { test, cross: None });
        };
        let cross = match prefix.to_ascii_lowercase().as_str() {
            "foranyofanyvalues" => (Quantifier::Any, Quantifier::Any),
            "forallofanyvalues" => (Quantifier::All, Quantifier::Any),
            "foranyofallvalues" => (Quantifier::Any, Quantifier::All),
            "forallofallvalues" => (Quantifier::All, Quantifier::All),
            _ => return Err(NoOperator::Unknown),
        };
        let test = Test::parse(name).ok_or(NoOperator::Unknown)?;
        if !test.crosses() {
            return Err(NoOperator::NoCrossProduct);
        }
        Ok(Operator { test, cross: Some(cross) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_in_any_letter_case() {
        let mut names: Vec<String> = Vec::new();
        for not in ["", "Not"] {
            for test in ["Equals", "StartsWith", "Like"] {
                for case in ["", "IgnoreCase"] {
                    names.push(format!("String{not}{test}{case}"));
                }
            }
            names.extend([format!("Bool{not}Equals"), format!("Guid{not}Equals")]);
            names.push(format!("IpAddress{not}In"));
        }
        for class in ["Numeric", "DateTime"] {
            for relation in
                ["Equals", "NotEquals", "GreaterThan", "GreaterThanEquals", "LessThan", "LessThanEquals"]
            {
                names.push(format!("{class}{relation}"));
            }
        }
        assert_eq!(names.len(), 30);
        for name in &names {
            let operator = Operator::parse(name).unwrap();
            assert_eq!(Operator::parse(&name.to_uppercase()), Ok(operator), "{name}");
            let crosses = !["Bool", "DateTime"].iter().any(|class| name.starts_with(class))
                && !name.contains("StartsWith");
            for prefix in ["ForAnyOfAny", "ForAllOfAny", "ForAnyOfAll", "ForAllOfAll"] {
                let word = format!("{prefix}Values:{name}");
                assert_eq!(Operator::parse(&word).is_ok(), crosses, "{word}");
            }
        }
    }

    #[test]
    fn what_is_no_operator() {
        for word in [
            "StringEqual",
            "Equals",
            "String",
            "StringNot",
            "StringIgnoreCase",
            "NumericLike",
            "ForAnyOfAnyValues:",
            "ForSomeOfAnyValues:StringEquals",
            ":StringEquals",
            "ForAnyOfAnyValues:ForAnyOfAnyValues:StringEquals",
        ] {
            assert_eq!(Operator::parse(word), Err(NoOperator::Unknown), "{word}");
        }
    }
}
