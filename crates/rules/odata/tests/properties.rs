//! What holds for every filter and for every text.

use gatepost_odata::{Budget, Call, Comparison, Filter, Lambda, Literal, Operand, Path, parse};
use proptest::prelude::*;
use serde_json::json;

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z_][a-zA-Z0-9_]{0,7}".prop_filter("a reserved word", |name| {
        let reserved = ["and", "or", "not", "in", "any", "all", "true", "false", "null"];
        !reserved.contains(&name.to_ascii_lowercase().as_str())
            && !["eq", "ne", "gt", "ge", "lt", "le"].contains(&name.to_ascii_lowercase().as_str())
    })
}

fn path() -> impl Strategy<Value = Path> {
    proptest::collection::vec(name(), 1..4).prop_map(Path)
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        "\\PC{0,12}".prop_map(Literal::Text),
        any::<i64>().prop_map(Literal::Integer),
        (-1.0e9..1.0e9).prop_map(Literal::Decimal),
        any::<bool>().prop_map(Literal::Flag),
        Just(Literal::Null),
        Just(Literal::Bare("2026-01-01T00:00:00Z".to_owned())),
        Just(Literal::Bare("abcdef01-0000-4000-8000-00000000000a".to_owned())),
    ]
}

fn operand() -> impl Strategy<Value = Operand> {
    let leaf = prop_oneof![path().prop_map(Operand::Path), literal().prop_map(Operand::Literal)];
    leaf.prop_recursive(2, 8, 3, |inner| call(inner).prop_map(Operand::Call))
}

fn call(argument: impl Strategy<Value = Operand>) -> impl Strategy<Value = Call> {
    (name(), proptest::collection::vec(argument, 0..3)).prop_map(|(name, arguments)| Call { name, arguments })
}

fn comparison() -> impl Strategy<Value = Comparison> {
    prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::NotEqual),
        Just(Comparison::Greater),
        Just(Comparison::GreaterOrEqual),
        Just(Comparison::Less),
        Just(Comparison::LessOrEqual),
    ]
}

/// A condition without `any` or `all`, as it stands inside a lambda.
fn plain() -> impl Strategy<Value = Filter> {
    prop_oneof![
        (operand(), comparison(), operand()).prop_map(|(left, comparison, right)| Filter::Compare {
            left,
            comparison,
            right
        }),
        (operand(), proptest::collection::vec(literal(), 1..4))
            .prop_map(|(operand, values)| Filter::In { operand, values }),
        call(operand()).prop_map(Filter::Call),
        path().prop_map(Filter::Flag),
    ]
}

fn joined(leaf: impl Strategy<Value = Filter> + 'static) -> impl Strategy<Value = Filter> {
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    let lambda = (name(), joined(plain()))
        .prop_map(|(variable, condition)| Lambda { variable, condition: Box::new(condition) })
        .boxed();
    joined(prop_oneof![
        plain(),
        (path(), proptest::option::of(lambda.clone()))
            .prop_map(|(collection, lambda)| Filter::Any { collection, lambda }),
        (path(), lambda).prop_map(|(collection, lambda)| Filter::All { collection, lambda }),
    ])
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_the_same(filter in filter()) {
        let text = filter.to_string();
        prop_assert_eq!(parse(&text), Ok(filter), "{}", text);
    }

    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_text_breaks_the_reader_of_searches(text in "[ab:\"\\\\ ANDOR]{0,60}") {
        let _ = gatepost_odata::parse_search(&text);
    }

    #[test]
    fn a_search_reads_back_what_it_was_made_of(
        alternatives in proptest::collection::vec(
            proptest::collection::vec(("[a-z]{1,8}", "[^\\s][\\PC]{0,8}[^\\s]"), 1..4), 1..4)
    ) {
        let clause = |(property, text): &(String, String)| {
            format!("\"{property}:{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        };
        let joined = |all: &Vec<(String, String)>| all.iter().map(clause).collect::<Vec<_>>().join(" AND ");
        let text = alternatives.iter().map(joined).collect::<Vec<_>>().join(" OR ");
        let gatepost_odata::Search(read) = gatepost_odata::parse_search(&text).unwrap();
        let read: Vec<Vec<(String, String)>> = read
            .into_iter()
            .map(|all| all.into_iter().map(|term| (term.property, term.text)).collect())
            .collect();
        let trimmed: Vec<Vec<(String, String)>> = alternatives
            .iter()
            .map(|all| all.iter().map(|(p, t)| (p.clone(), t.trim().to_owned())).collect())
            .collect();
        prop_assert_eq!(read, trimmed);
    }

    #[test]
    fn no_near_filter_breaks_the_reader(
        words in proptest::collection::vec(
            prop_oneof![
                Just("a"), Just("eq"), Just("not"), Just("("), Just(")"), Just("and"), Just("or"), Just("in"),
                Just("'x'"), Just("'"), Just(","), Just("/"), Just("any"), Just(":"), Just("1"), Just("-"),
                Just("null"), Just("f("), Just("$count"),
            ],
            0..40,
        )
    ) {
        let text = words.join(" ");
        if let Ok(filter) = parse(&text) {
            let _ = filter.matches(&json!({"a": ["x", {"a": 1}]}), &Budget::per_request());
            prop_assert_eq!(parse(&filter.to_string()), Ok(filter));
        }
    }
}

#[test]
fn fuzz() {
    bolero::check!().with_type::<String>().for_each(|text: &String| match parse(text) {
        Ok(filter) => {
            let _ = filter.matches(&json!({"a": [1, "b", null]}), &Budget::per_request());
        }
        Err(error) => assert!(error.at <= text.chars().count()),
    });
}
