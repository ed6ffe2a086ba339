//! Evaluates a filter on a document.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use crate::budget::Budget;
use crate::filter::{Call, Comparison, Filter, Lambda, Literal, Operand, Path};

/// Why a filter has no answer on a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// Nobody knows the function, or not with these arguments.
    #[error("An unknown function with name '{0}' was found.")]
    UnknownFunction(String),
    /// `any` or `all` on something that is no collection.
    #[error("'{0}' is not a collection.")]
    NotACollection(String),
    /// The budget is spent.
    #[error("The filter is too complex for the objects that it is evaluated on.")]
    TooComplex,
}

/// The functions that every filter knows, and how many arguments each takes.
const FUNCTIONS: [(&str, usize); 7] = [
    ("startswith", 2),
    ("endswith", 2),
    ("contains", 2),
    ("substringof", 2),
    ("tolower", 1),
    ("toupper", 1),
    ("length", 1),
];

impl Call {
    /// Whether [`Filter::matches`] knows the function, with so many arguments.
    pub fn is_standard(&self) -> bool {
        FUNCTIONS.iter().any(|(name, arguments)| self.is(name) && self.arguments.len() == *arguments)
    }
}

/// A variable of a lambda and the element that it names.
#[derive(Clone, Copy)]
struct Scope<'a> {
    document: &'a Value,
    variable: Option<(&'a str, &'a Value)>,
    outer: Option<&'a Scope<'a>>,
    own: &'a dyn Fn(&Call) -> Option<bool>,
    budget: &'a Budget,
}

impl Filter {
    /// Whether a document is what the filter asks for. A property that the document lacks is null.
    ///
    /// # Errors
    /// [`EvaluationError`]; `and` and `or` stop at the first part that decides, so a filter may fail on one
    /// document and not on another.
    pub fn matches(&self, document: &Value, budget: &Budget) -> Result<bool, EvaluationError> {
        self.matches_with(document, &|_| None, budget)
    }

    /// As [`Filter::matches`], where `own` answers the functions that are conditions and belong to the
    /// service: `atScope()`. It answers `None` for those that it does not know.
    ///
    /// # Errors
    /// As [`Filter::matches`].
    pub fn matches_with(
        &self,
        document: &Value,
        own: &dyn Fn(&Call) -> Option<bool>,
        budget: &Budget,
    ) -> Result<bool, EvaluationError> {
        holds(self, &Scope { document, variable: None, outer: None, own, budget })
    }
}

fn holds(filter: &Filter, scope: &Scope<'_>) -> Result<bool, EvaluationError> {
    match filter {
        Filter::And(parts) => {
            for part in parts {
                if !holds(part, scope)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Filter::Or(parts) => {
            for part in parts {
                if holds(part, scope)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Filter::Not(inner) => Ok(!holds(inner, scope)?),
        Filter::Compare { left, comparison, right } => {
            scope.budget.spend(1)?;
            Ok(compare(*comparison, &value(left, scope)?, &value(right, scope)?))
        }
        Filter::In { operand, values } => {
            let found = value(operand, scope)?;
            for wanted in values {
                scope.budget.spend(1)?;
                if compare(Comparison::Equal, &found, &literal(wanted, scope)?) {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Filter::Call(call) => {
            scope.budget.spend(1)?;
            match (scope.own)(call) {
                Some(answer) => Ok(answer),
                None => Ok(value_of_call(call, scope)? == Term::Json(Cow::Owned(Value::Bool(true)))),
            }
        }
        Filter::Any { collection, lambda } => {
            scope.budget.spend(1)?;
            let elements = elements(collection, scope)?;
            let Some(lambda) = lambda else { return Ok(!elements.is_empty()) };
            for element in elements {
                if lambda_holds(lambda, element, scope)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Filter::All { collection, lambda } => {
            scope.budget.spend(1)?;
            for element in elements(collection, scope)? {
                if !lambda_holds(lambda, element, scope)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Filter::Flag(path) => {
            scope.budget.spend(1)?;
            Ok(find(path, scope).as_ref() == &Value::Bool(true))
        }
    }
}

fn lambda_holds(lambda: &Lambda, element: &Value, scope: &Scope<'_>) -> Result<bool, EvaluationError> {
    let inner = Scope {
        document: scope.document,
        variable: Some((&lambda.variable, element)),
        outer: Some(scope),
        own: scope.own,
        budget: scope.budget,
    };
    holds(&lambda.condition, &inner)
}

fn elements<'a>(path: &Path, scope: &Scope<'a>) -> Result<&'a [Value], EvaluationError> {
    match find(path, scope) {
        Cow::Borrowed(Value::Array(elements)) => Ok(elements),
        Cow::Borrowed(Value::Null) => Ok(&[]),
        other if other.is_null() => Ok(&[]),
        _ => Err(EvaluationError::NotACollection(path.to_string())),
    }
}

/// What stands at a path; null where nothing does.
fn find<'a>(path: &Path, scope: &Scope<'a>) -> Cow<'a, Value> {
    let (root, names) = root(path, scope);
    let mut at = root;
    for name in names {
        let next = match at {
            Value::Array(elements) if name == "$count" => {
                return Cow::Owned(Value::from(elements.len()));
            }
            Value::Object(members) => members
                .get(name)
                .or_else(|| members.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, v)| v)),
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return Cow::Owned(Value::Null),
        }
    }
    Cow::Borrowed(at)
}

/// Where a path begins: at the element that its first name stands for, otherwise at the document.
fn root<'a, 'p>(path: &'p Path, scope: &Scope<'a>) -> (&'a Value, &'p [String]) {
    let mut around = Some(*scope);
    while let Some(scope) = around {
        if let (Some((variable, element)), Some((first, rest))) = (scope.variable, path.0.split_first())
            && variable == first
        {
            return (element, rest);
        }
        around = scope.outer.copied();
    }
    (scope.document, &path.0)
}

/// A value while it is compared: one of a document or a filter, or a date or GUID without quotes.
#[derive(Clone, Debug, PartialEq)]
enum Term<'a> {
    Json(Cow<'a, Value>),
    Bare(&'a str),
}

fn literal<'a>(literal: &'a Literal, scope: &Scope<'a>) -> Result<Term<'a>, EvaluationError> {
    Ok(Term::Json(Cow::Owned(match literal {
        Literal::Text(text) => {
            scope.budget.spend_on_text(text)?;
            Value::from(text.as_str())
        }
        Literal::Integer(number) => Value::from(*number),
        Literal::Decimal(number) => Value::from(*number),
        Literal::Flag(flag) => Value::from(*flag),
        Literal::Null => Value::Null,
        Literal::Bare(text) => {
            scope.budget.spend_on_text(text)?;
            return Ok(Term::Bare(text));
        }
    })))
}

fn value<'a>(operand: &'a Operand, scope: &Scope<'a>) -> Result<Term<'a>, EvaluationError> {
    match operand {
        Operand::Path(path) => {
            let found = find(path, scope);
            if let Some(text) = found.as_str() {
                scope.budget.spend_on_text(text)?;
            }
            Ok(Term::Json(found))
        }
        Operand::Literal(value) => literal(value, scope),
        Operand::Call(call) => value_of_call(call, scope),
    }
}

fn value_of_call<'a>(call: &'a Call, scope: &Scope<'a>) -> Result<Term<'a>, EvaluationError> {
    let unknown = || EvaluationError::UnknownFunction(call.name.clone());
    if !call.is_standard() {
        return Err(unknown());
    }
    scope.budget.spend(call.arguments.len())?;
    let mut arguments = Vec::new();
    for argument in &call.arguments {
        arguments.push(match value(argument, scope)? {
            Term::Json(value) => value.as_str().map(str::to_lowercase),
            Term::Bare(text) => Some(text.to_lowercase()),
        });
    }
    let answer = match (call.name.to_ascii_lowercase().as_str(), arguments.as_slice()) {
        // What is null neither begins, ends nor contains anything.
        ("startswith" | "endswith" | "contains" | "substringof", [None, _] | [_, None]) => Value::Bool(false),
        ("startswith", [Some(text), Some(part)]) => Value::Bool(text.starts_with(part)),
        ("endswith", [Some(text), Some(part)]) => Value::Bool(text.ends_with(part)),
        ("contains", [Some(text), Some(part)]) | ("substringof", [Some(part), Some(text)]) => {
            Value::Bool(text.contains(part))
        }
        ("tolower", [text]) => text.as_deref().map_or(Value::Null, Value::from),
        ("toupper", [text]) => text.as_ref().map_or(Value::Null, |text| Value::from(text.to_uppercase())),
        ("length", [text]) => text.as_ref().map_or(Value::Null, |text| Value::from(text.chars().count())),
        _ => return Err(unknown()),
    };
    Ok(Term::Json(Cow::Owned(answer)))
}

/// Values of different types are unequal, and neither is greater.
fn compare(comparison: Comparison, left: &Term<'_>, right: &Term<'_>) -> bool {
    let ordering = order(left, right);
    match comparison {
        Comparison::Equal => ordering == Some(Ordering::Equal),
        Comparison::NotEqual => ordering != Some(Ordering::Equal),
        Comparison::Greater => ordering == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        Comparison::Less => ordering == Some(Ordering::Less),
        Comparison::LessOrEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
    }
}

fn order(left: &Term<'_>, right: &Term<'_>) -> Option<Ordering> {
    match (left, right) {
        (Term::Bare(left), Term::Bare(right)) => Some(order_bare(left, right)),
        (Term::Bare(left), Term::Json(right)) => right.as_str().map(|right| order_bare(left, right)),
        (Term::Json(left), Term::Bare(right)) => left.as_str().map(|left| order_bare(left, right)),
        (Term::Json(left), Term::Json(right)) => match (left.as_ref(), right.as_ref()) {
            (Value::Null, Value::Null) => Some(Ordering::Equal),
            (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
            (Value::String(left), Value::String(right)) => Some(order_text(left, right)),
            (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
                (Some(left), Some(right)) => Some(left.cmp(&right)),
                _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
            },
            _ => None,
        },
    }
}

/// Time stamps by when they are, everything else by its letters.
fn order_bare(left: &str, right: &str) -> Ordering {
    match (instant(left), instant(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => order_text(left, right),
    }
}

/// Ignores letter case; stops at the first letter that decides.
fn order_text(left: &str, right: &str) -> Ordering {
    let letters = |text| str::chars(text).flat_map(char::to_lowercase);
    letters(left).cmp(letters(right))
}

/// The moment that a time stamp names; one without a zone is UTC, a date is its first moment.
fn instant(text: &str) -> Option<jiff::Timestamp> {
    text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::parse;

    fn matches(filter: &str) -> Result<bool, EvaluationError> {
        let document = json!({
            "displayName": "Mail Robot", "count": 3, "share": 0.5, "enabled": true, "nothing": null,
            "created": "2026-01-02T10:00:00.5Z", "names": ["api://Mail", "x"],
            "roles": [{"value": "Send", "on": true}, {"value": "Read", "on": false}],
            "properties": {"scope": "/subscriptions/S"},
        });
        parse(filter).unwrap().matches(&document, &Budget::per_request())
    }

    #[test]
    fn comparisons() {
        for (filter, expected) in [
            ("displayName eq 'mail robot'", true),
            ("'MAIL ROBOT' eq DisplayName", true),
            ("displayName ne 'x'", true),
            ("displayName gt 'a' and displayName lt 'n'", true),
            ("displayName eq null", false),
            ("nothing eq null", true),
            ("absent eq null", true),
            ("absent ne 'x'", true),
            ("count eq 3", true),
            ("count eq '3'", false),
            ("count ge 2.5 and share le 1", true),
            ("enabled eq true", true),
            ("enabled", true),
            ("not enabled", false),
            ("count in (1, 2, 3)", true),
            ("displayName in ('a','Mail robot')", true),
            ("created ge 2026-01-02T11:00:00+01:00", true),
            ("created lt 2026-01-03", true),
            ("created lt 2026-01-02T10:00:00", false),
            ("properties/Scope eq '/subscriptions/s'", true),
            ("names/$count eq 2", true),
            ("tolower(displayName) eq 'mail robot'", true),
            ("length(displayName) eq 10", true),
            ("enabled eq false or count eq 3 and share eq 0.5", true),
        ] {
            assert_eq!(matches(filter), Ok(expected), "{filter}");
        }
    }

    #[test]
    fn functions_and_lambdas() {
        for (filter, expected) in [
            ("startsWith(displayName,'mail')", true),
            ("endswith(displayName,'BOT')", true),
            ("contains(displayName,'l r')", true),
            ("substringof('l r',displayName)", true),
            ("startswith(nothing,'a')", false),
            ("names/any(n:n eq 'API://mail')", true),
            ("names/any(n:startswith(n,'x'))", true),
            ("names/all(n:n ne 'y')", true),
            ("names/any()", true),
            ("absent/any()", false),
            ("roles/any(r:r/value eq 'send' and r/on eq true)", true),
            ("roles/any(r:r/value eq 'read' and r/on)", false),
        ] {
            assert_eq!(matches(filter), Ok(expected), "{filter}");
        }
    }

    #[test]
    fn what_has_no_answer() {
        assert_eq!(
            matches("frobnicate(displayName)"),
            Err(EvaluationError::UnknownFunction("frobnicate".into()))
        );
        assert_eq!(
            matches("startswith(displayName)"),
            Err(EvaluationError::UnknownFunction("startswith".into()))
        );
        assert_eq!(
            matches("displayName/any(x:x eq 1)"),
            Err(EvaluationError::NotACollection("displayName".into()))
        );
    }

    #[test]
    fn a_service_answers_its_own_functions() {
        let filter = parse("atScope() and assignedTo('a')").unwrap();
        let own = |call: &Call| {
            if call.is("ATSCOPE") { Some(true) } else { call.text_argument().map(|text| text == "a") }
        };
        assert_eq!(filter.matches_with(&Value::Null, &own, &Budget::of(9)), Ok(true));
        assert!(filter.matches(&Value::Null, &Budget::of(9)).is_err());
    }

    #[test]
    fn a_request_that_costs_too_many_steps_ends() {
        let document = json!({"tags": vec!["x"; 100], "text": "x".repeat(64_000)});
        let answer = |filter: &str, budget: &Budget| parse(filter).unwrap().matches(&document, budget);
        let budget = Budget::of(250);
        // The documents of a request spend from one budget.
        for expected in [Ok(false), Ok(false), Err(EvaluationError::TooComplex)] {
            assert_eq!(answer("tags/any(t:t eq 'y')", &budget), expected);
        }
        assert_eq!(answer("enabled", &budget), Err(EvaluationError::TooComplex));
        for filter in ["contains(text,'y')", "text eq 'y'", "tolower(tolower(text)) eq 'y'"] {
            assert_eq!(answer(filter, &Budget::of(500)), Err(EvaluationError::TooComplex), "{filter}");
        }
        let many = format!("absent in ({})", vec!["'y'"; 2_000].join(","));
        assert_eq!(answer(&many, &Budget::of(1_000)), Err(EvaluationError::TooComplex));
    }
}
