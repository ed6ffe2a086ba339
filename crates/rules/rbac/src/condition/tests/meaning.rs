//! What conditions say.

use uuid::Uuid;

use super::{Request, a};
use crate::condition::{
    Attribute, Condition, NoAttributes, SENDER_ADDRESS, SENDER_DOMAIN, Source, Truth, Value,
};

fn ask(text: &str, request: &Request<'_>) -> Truth {
    Condition::parse(text).unwrap_or_else(|error| panic!("{error}")).evaluate("A.B/c/read", request)
}

fn check(rows: &[(&str, Value<'_>, bool)]) {
    for (comparison, value, expected) in rows {
        let text = format!("@Request[a] {comparison}");
        let expected = if *expected { Truth::True } else { Truth::False };
        assert_eq!(ask(&text, &a(*value)), expected, "{text} of {value:?}");
    }
}

#[test]
fn texts() {
    use Value::Text;
    check(&[
        ("StringEquals 'x'", Text("x"), true),
        ("StringEquals 'x'", Text("X"), false),
        ("StringEqualsIgnoreCase 'x'", Text("X"), true),
        ("StringNotEquals 'x'", Text("X"), true),
        ("StringNotEqualsIgnoreCase 'x'", Text("X"), false),
        ("StringStartsWith 'bill'", Text("billing"), true),
        ("StringNotStartsWith 'bill'", Text("billing"), false),
        ("StringStartsWithIgnoreCase 'BILL'", Text("billing"), true),
        ("StringNotStartsWithIgnoreCase 'BILL'", Text("billing"), false),
        ("StringLike '*@contoso.com'", Text("a@contoso.com"), true),
        ("StringLike '*@contoso.com'", Text("a@Contoso.com"), false),
        ("StringLikeIgnoreCase '*@contoso.com'", Text("a@Contoso.com"), true),
        ("StringNotLike '*@contoso.com'", Text("a@contoso.com"), false),
        ("StringNotLikeIgnoreCase 'x?'", Text("XY"), false),
        ("StringEquals 'it''s'", Text("it's"), true),
        ("StringEquals ''", Text(""), true),
    ]);
}

#[test]
fn numbers_moments_guids_and_the_rest() {
    let guid = Uuid::from_u128(0xacdd72a7_3385_48ef_bd42_f606fba81ae7);
    let moment = 1_795_325_400_000_000; // 2026-11-22T05:30:00Z
    check(&[
        ("NumericEquals 3", Value::Number(3), true),
        ("NumericNotEquals 3", Value::Number(3), false),
        ("NumericGreaterThan 3", Value::Number(3), false),
        ("NumericGreaterThanEquals 3", Value::Number(3), true),
        ("NumericLessThan -3", Value::Number(-4), true),
        ("NumericLessThanEquals 3", Value::Number(4), false),
        ("DateTimeLessThan '2026-11-22T05:30:00.0000001Z'", Value::Time(moment), false),
        ("DateTimeLessThan '2026-11-22T05:30:00.000001Z'", Value::Time(moment), true),
        ("DateTimeEquals '2026-11-22T05:30:00Z'", Value::Time(moment), true),
        ("DateTimeNotEquals '2026-11-22T05:30:00Z'", Value::Time(moment), false),
        ("DateTimeGreaterThan '2026-11-22T05:29:59Z'", Value::Time(moment), true),
        ("DateTimeGreaterThanEquals 2026-11-22T05:30:01Z", Value::Time(moment), false),
        ("DateTimeLessThanEquals '2026-11-22T05:30:00Z'", Value::Time(moment), true),
        ("BoolEquals TRUE", Value::Boolean(true), true),
        ("BoolNotEquals true", Value::Boolean(false), true),
        ("GuidEquals ACDD72A7338548EFBD42F606FBA81AE7", Value::Guid(guid), true),
        ("GuidNotEquals 'acdd72a7-3385-48ef-bd42-f606fba81ae7'", Value::Guid(guid), false),
        ("IpAddressIn '10.0.0.0/8'", Value::Text("10.1.2.3"), true),
        ("IpAddressIn '10.0.0.0/8'", Value::Text("::ffff:10.1.2.3"), true),
        ("IpAddressNotIn '10.0.0.0/8'", Value::Text("10.1.2.3"), false),
        ("IpAddressNotIn '10.0.0.0/8'", Value::Text("::1"), true),
        ("ForAnyOfAnyValues:IpAddressIn {'10.0.0.0/8', '2001:db8::/32'}", Value::Text("2001:db8::7"), true),
        ("ForAnyOfAllValues:IpAddressNotIn {'10.0.0.0/8', '::1'}", Value::Text("::1"), false),
        ("ForAnyOfAllValues:IpAddressNotIn {'10.0.0.0/8', '::1'}", Value::Text("::2"), true),
        ("IpAddressIn '0.0.0.0/0'", Value::Text("no address"), false),
        ("IpAddressNotIn '10.0.0.0/8'", Value::Text("no address"), false),
    ]);
}

#[test]
fn sets() {
    let texts = |texts| Value::Texts(texts);
    check(&[
        ("ForAnyOfAnyValues:StringEquals {'blue', 'green'}", texts(&["red", "blue"]), true),
        ("ForAnyOfAnyValues:StringEquals {'orange', 'green'}", texts(&["red", "blue"]), false),
        ("ForAllOfAnyValues:StringEquals {'orange', 'red', 'blue'}", texts(&["red", "blue"]), true),
        ("ForAllOfAnyValues:StringEquals {'red', 'green'}", texts(&["red", "blue"]), false),
        ("ForAnyOfAllValues:StringNotEquals {'red', 'green'}", texts(&["red", "blue"]), true),
        ("ForAllOfAllValues:StringNotEquals {'red', 'green'}", texts(&["red", "blue"]), false),
        ("ForAnyOfAnyValues:StringLikeIgnoreCase {'R*'}", Value::Text("red"), true),
        ("ForAllOfAllValues:StringNotLike {'a*', 'b*'}", Value::Text("red"), true),
        (
            "ForAnyOfAllValues:GuidNotEquals {00000000000000000000000000000001, 00000000000000000000000000000002}",
            Value::Guid(Uuid::from_u128(3)),
            true,
        ),
        (
            "ForAnyOfAllValues:GuidNotEquals {00000000000000000000000000000001, 00000000000000000000000000000002}",
            Value::Guid(Uuid::from_u128(2)),
            false,
        ),
        (
            "ForAllOfAnyValues:GuidEquals {00000000000000000000000000000001, 00000000000000000000000000000002}",
            Value::Guids(&[Uuid::from_u128(2), Uuid::from_u128(1)]),
            true,
        ),
        // One value is a set of one, also for an operator that compares one with one.
        ("ForAnyOfAnyValues:StringEquals 'x'", Value::Text("x"), true),
        ("StringEquals {'x'}", texts(&["x"]), true),
        ("StringEquals 'x'", texts(&["x", "x"]), false),
        // No value at all is nothing to build a grant on.
        ("ForAllOfAnyValues:StringEquals {'x'}", texts(&[]), false),
        ("ForAllOfAllValues:StringNotEquals {'x'}", texts(&[]), false),
    ]);
    let none = Request(Vec::new());
    for (text, expected) in [
        ("{'red', 'blue'} ForAnyOfAnyValues:StringEquals {'blue', 'green'}", Truth::True),
        ("{10, 20} ForAnyOfAllValues:NumericLessThan {15, 18}", Truth::True),
        ("{10, 20} ForAllOfAllValues:NumericLessThan {5, 15, 18}", Truth::False),
        ("{10, 20} ForAllOfAllValues:NumericLessThan {25, 30}", Truth::True),
        ("{10, 20} ForAllOfAllValues:NumericLessThan {15, 25, 30}", Truth::False),
    ] {
        assert_eq!(ask(text, &none), expected, "{text}");
    }
}

#[test]
fn what_is_absent_or_of_another_type_never_grants() {
    for comparison in [
        "@Request[a] StringEquals 'x'",
        "@Request[a] StringNotEquals 'x'",
        "!(@Request[a] StringEquals 'x')",
        "NOT @Request[a] StringNotEquals 'x'",
        "!(@Request[a] StringEquals 'x' AND @Request[a] StringEquals 'y')",
        "!(@Request[a] StringEquals 'x' OR @Request[a] StringEquals 'y')",
        "@Request[a] StringEquals @Request[a]",
        "ActionMatches{'A.B/c/read'} AND @Request[a] StringNotEquals 'x'",
    ] {
        assert_eq!(ask(comparison, &Request(Vec::new())), Truth::False, "{comparison}");
        for value in [Value::Number(1), Value::Boolean(true), Value::Guid(Uuid::nil()), Value::Time(0)] {
            assert_eq!(ask(comparison, &a(value)), Truth::False, "{comparison} of {value:?}");
        }
    }
    // What holds without it still holds.
    assert_eq!(ask("ActionMatches{'*'} OR @Request[a] StringEquals 'x'", &Request(Vec::new())), Truth::True);
}

#[test]
fn exists_asks_for_presence_alone() {
    let none = Request(Vec::new());
    let unknown = Request(vec![(Source::Request, "a", Attribute::Unknown)]);
    for (text, absent, when_unknown, known) in [
        ("Exists @Request[A]", Truth::False, Truth::Unknown, Truth::True),
        ("NOT Exists @Request[a]", Truth::True, Truth::Unknown, Truth::False),
        ("Exists @Resource[a]", Truth::False, Truth::False, Truth::False),
    ] {
        assert_eq!(ask(text, &none), absent, "{text}");
        assert_eq!(ask(text, &unknown), when_unknown, "{text}");
        assert_eq!(ask(text, &a(Value::Number(1))), known, "{text}");
    }
}

#[test]
fn the_unknown_stays_open_until_it_cannot_matter() {
    let request = Request(vec![
        (Source::Request, "a", Attribute::Known(Value::Text("x"))),
        (Source::Request, "later", Attribute::Unknown),
    ]);
    for (text, expected) in [
        ("@Request[later] StringEquals 'x'", Truth::Unknown),
        ("@Request[later] StringNotEquals 'x'", Truth::Unknown),
        ("!(@Request[later] StringEquals 'x')", Truth::Unknown),
        ("@Request[later] StringEquals 'x' AND @Request[a] StringEquals 'x'", Truth::Unknown),
        ("@Request[later] StringEquals 'x' AND @Request[a] StringEquals 'y'", Truth::False),
        ("@Request[later] StringEquals 'x' OR @Request[a] StringEquals 'x'", Truth::True),
        ("@Request[later] StringEquals 'x' OR @Request[a] StringEquals 'y'", Truth::Unknown),
        ("@Request[later] StringEquals 'x' AND @Request[never] StringEquals 'y'", Truth::False),
        ("@Request[later] StringEquals @Request[never]", Truth::False),
        ("@Request[later] NumericEquals @Request[a]", Truth::False),
        ("@Request[later] StringEquals @Request[a]", Truth::Unknown),
        ("!(ActionMatches{'A.B/c/write'}) OR @Request[later] StringEquals 'x'", Truth::True),
    ] {
        assert_eq!(ask(text, &request), expected, "{text}");
    }
}

#[test]
fn actions() {
    for (text, action, expected) in [
        ("ActionMatches{'A.B/c/read'}", "a.b/C/READ", Truth::True),
        ("ActionMatches{'A.B/*'}", "A.B/c/d/read", Truth::True),
        ("ActionMatches{'A.B/*/read'}", "A.B/c/write", Truth::False),
        ("!(ActionMatches{'A.B/c/read'})", "A.B/c/read", Truth::False),
        // No operation has a sub-operation: what is aimed at one applies to nothing.
        ("!(ActionMatches{'A.B/c/read'} AND SubOperationMatches{'s'})", "A.B/c/read", Truth::True),
        ("!(ActionMatches{'A.B/c/read'} AND NOT SubOperationMatches{'s'})", "A.B/c/read", Truth::False),
    ] {
        assert_eq!(Condition::parse(text).unwrap().evaluate(action, &NoAttributes), expected, "{text}");
    }
}

#[test]
fn an_exact_name_is_spelt_as_here() {
    let request = Request(vec![(Source::Request, SENDER_ADDRESS, Attribute::Known(Value::Text("a@b.c")))]);
    let named = |name: &str| format!("@Request[{name}] StringEquals 'a@b.c'");
    let exact = |name: &str| named(&format!("{name}<$key_case_sensitive$>"));
    assert_eq!(ask(&named(&SENDER_ADDRESS.to_uppercase()), &request), Truth::True);
    assert_eq!(ask(&exact(SENDER_ADDRESS), &request), Truth::True);
    assert_eq!(ask(&exact(&SENDER_ADDRESS.to_uppercase()), &request), Truth::False);
}

#[test]
fn letter_case_never_matters_in_addresses() {
    let known = Attribute::Known(Value::Text("ceo@contoso.com"));
    let request = Request(vec![(Source::Request, SENDER_ADDRESS, known)]);
    for (comparison, expected) in [
        ("StringEquals 'CEO@contoso.com'", Truth::True),
        ("StringNotEquals 'CEO@Contoso.com'", Truth::False),
        ("ForAnyOfAllValues:StringNotLike {'CEO@*', 'x'}", Truth::False),
        ("StringStartsWith 'Ceo'", Truth::True),
    ] {
        let name = SENDER_ADDRESS.to_uppercase();
        assert_eq!(ask(&format!("@Request[{name}] {comparison}"), &request), expected, "{comparison}");
    }
}

#[test]
fn a_trace_shows_what_was_seen() {
    let text = format!(
        "(!(ActionMatches{{'A.B/c/read'}})) OR (@Request[{SENDER_ADDRESS}] StringEquals 'a@b.c' AND \
         @Request[{SENDER_DOMAIN}] StringLike '*.c' AND Exists @Environment[UtcNow])"
    );
    let request = Request(vec![
        (Source::Request, SENDER_ADDRESS, Attribute::Known(Value::Text("x@b.c"))),
        (Source::Request, SENDER_DOMAIN, Attribute::Unknown),
        (Source::Environment, "utcnow", Attribute::Known(Value::Time(0))),
    ]);
    let condition = Condition::parse(&text).unwrap();
    let lines = condition.trace("A.B/c/read", &request);
    let shown: Vec<(&str, &str, Truth)> =
        lines.iter().map(|line| (line.text.as_str(), line.saw.as_str(), line.outcome)).collect();
    assert_eq!(
        shown,
        [
            ("ActionMatches{'A.B/c/read'}", "", Truth::True),
            (
                "@Request[Microsoft.Communication/EmailServices:SenderAddress] StringEquals 'a@b.c'",
                "@Request[Microsoft.Communication/EmailServices:SenderAddress] is 'x@b.c'",
                Truth::False
            ),
            (
                "@Request[Microsoft.Communication/EmailServices:SenderDomain] StringLike '*.c'",
                "@Request[Microsoft.Communication/EmailServices:SenderDomain] is not known yet",
                Truth::Unknown
            ),
            ("Exists @Environment[UtcNow]", "@Environment[UtcNow] is '1970-01-01T00:00:00Z'", Truth::True),
        ]
    );
    let broken = Condition::parse_builtin("?").trace("A.B/c/read", &request);
    assert_eq!((broken.len(), broken[0].outcome), (1, Truth::False));
}
