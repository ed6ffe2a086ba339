//! What is a condition, and what is said about the rest.

use crate::condition::{Condition, MAX_BYTES, check_known, parser};

/// Each is fine.
const GOOD: &[&str] = &[
    "@Request[a] StringEquals 'x'",
    "@request[ a ]stringequals'x'",
    "(@Request[a] StringEquals 'x')",
    "!(ActionMatches{'A.B/c/read'}) OR @Request[a] StringEquals 'x'",
    "not ( actionmatches { 'A.B/*/read' } ) Or EXISTS @resource[a]",
    "!!NOT !ActionMatches{'*'}",
    "!(ActionMatches{'A.B/c/read'} AND SubOperationMatches{'Blob.List'})",
    "!(ActionMatches{'A.B/c/read'} AND NOT SubOperationMatches{'Blob.List'})",
    "@Request[a] StringEquals 'x' && @Request[b] NumericEquals -3 and true BoolEquals @Request[c]",
    "@Request[a] StringEquals 'x'\r\n||\t@Request[b] NumericEquals 3 or @Environment[c] BoolNotEquals FALSE",
    "(@Request[a] StringEquals 'x' AND @Request[b] StringEquals 'y') OR @Request[c] StringEquals 'z'",
    "{'red', 'blue'} ForAnyOfAnyValues:StringEquals {'blue', 'green'}",
    "{10, 20} ForAnyOfAllValues:NumericLessThan {15, 18}",
    "10 foranyofallvalues:NUMERICLESSTHAN {15, 18}",
    "@Request[a] ForAnyOfAnyValues:GuidEquals{acdd72a7-3385-48ef-bd42-f606fba81ae7,b24988ac618042a0ab8820f7382dd24c}",
    "@Request[a] GuidNotEquals 'acdd72a7-3385-48ef-bd42-f606fba81ae7'",
    "@Request[a] GuidEquals acdd72a7338548efbd42f606fba81ae7",
    "@Environment[UtcNow] DateTimeLessThan '2026-12-31T23:59:59.0000000Z'",
    "@Environment[UtcNow] DateTimeGreaterThanEquals 2026-12-31T23:59:59Z",
    "@Environment[ClientAddress] IpAddressIn '10.0.0.0/8'",
    "@Environment[ClientAddress] ForAllOfAllValues:IpAddressNotIn {'10.0.0.0/8', '2001:db8::/32', '::1'}",
    "@Request[N.S/t/u:name<$key_case_sensitive$>] StringLike 'a*\\*?'",
    "@Request[N.S/t/u/tags&$keys$&] ForAllOfAnyValues:StringEqualsIgnoreCase {'Project'}",
    "@Request[a] StringEquals 'it''s'",
    "@Request[a] StringEquals ''",
    "@Request[a] StringEquals {'x'}",
    "@Request[a] StringEquals @Resource[b]",
    "'x' StringEquals @Principal[a]",
    "'\u{e9}' StringEquals 'AND ) } '",
];

/// Each is refused at this byte, for something that has to do with this.
const BAD: &[(&str, usize, &str)] = &[
    ("", 0, "found the end"),
    (" \n ", 3, "found the end"),
    ("()", 1, "found `)`"),
    ("(", 1, "found the end"),
    (")", 0, "found `)`"),
    ("@Request[a] StringEquals 'x')", 28, "closes nothing"),
    ("(@Request[a] StringEquals 'x'", 29, "expected AND, OR or `)`, found the end"),
    ("@Request[a] StringEquals 'x' 'y'", 29, "expected AND, OR or the end"),
    ("@Request[a]", 11, "expected an operator"),
    ("@Request[a] = 'x'", 12, "no meaning"),
    ("@Request[a] StringEqual 'x'", 12, "expected an operator such as StringEquals, found `StringEqual`"),
    ("@Request[a] StringEquals", 24, "expected an attribute or a value, found the end"),
    ("@Request[a] StringEquals AND", 25, "found AND"),
    ("@Request[a] StringEquals x", 25, "a text in single quotes, found `x`"),
    ("@Request[a] StringEquals \"x\"", 25, "single quotes"),
    ("@Request[a] StringEquals 'x", 25, "quote that ends"),
    ("@Request[a] StringEquals 'x''", 25, "quote that ends"),
    ("@Request[a] StringEquals 'x\ny'", 27, "control characters"),
    ("@Request[a] StringEquals {}", 26, "expected a value, found `}`"),
    ("@Request[a] StringEquals {'x',}", 30, "expected a value, found `}`"),
    ("@Request[a] StringEquals {'x'", 29, "expected `,` or `}`"),
    ("@Request[a] StringEquals {'x' 'y'}", 30, "expected `,` or `}`"),
    ("@Request[a] StringEquals {'x', 'y'}", 31, "ForAnyOfAnyValues:StringEquals"),
    ("@Request[a] ForAnyOfAnyValues:StringEquals {'x', 7}", 49, "a text in single quotes, found `7`"),
    ("@Request[a] ForAnyOfAnyValues:StringEquals {@Request[b]}", 44, "expected a value, found an attribute"),
    ("@Request[a] ForAnyOfAnyValues:BoolEquals {true}", 12, "leave `ForAnyOfAnyValues:` out"),
    ("@Request[a] ForAnyOfAnyValues:StringStartsWith {'x'}", 12, "leave `ForAnyOfAnyValues:` out"),
    ("@Request[a] ForAnyOfAnyValues: StringEquals {'x'}", 12, "expected an operator"),
    ("@Request[a] NumericEquals 1.5", 26, "expected an integer, found `1.5`"),
    ("@Request[a] NumericEquals '1'", 26, "without quotes"),
    ("@Request[a] NumericEquals 9223372036854775808", 26, "expected an integer"),
    ("@Request[a] BoolEquals 1", 23, "expected true or false"),
    ("@Request[a] GuidEquals acdd72a7-3385-48ef-bd42", 23, "expected a GUID"),
    ("@Request[a] GuidEquals {not-a-guid}", 24, "expected a GUID, found `not-a-guid`"),
    ("@Request[a] DateTimeLessThan '2026-12-31'", 29, "expected a moment in UTC"),
    ("@Request[a] DateTimeLessThan '2026-02-30T00:00:00Z'", 29, "expected a moment"),
    ("@Environment[ClientAddress] IpAddressIn '10.0.0.1/8'", 40, "'10.0.0.0/8'"),
    ("@Environment[ClientAddress] IpAddressIn '10.0.0.0/33'", 40, "expected a network"),
    ("@Environment[ClientAddress] IpAddressIn 10.0.0.0", 40, "in single quotes"),
    ("@Environment[ClientAddress] IpAddressIn @Request[a]", 40, "written out"),
    ("'10.0.0.1' IpAddressIn '10.0.0.0/8'", 0, "an attribute that holds an address"),
    ("'x' StringLike @Request[a]", 15, "the right side of StringLike is written out"),
    (
        "@Request[a] StringEquals 'x' AND @Request[b] StringEquals 'y' OR @Request[c] StringEquals 'z'",
        62,
        "ambiguous",
    ),
    ("ActionMatches{'a/b'} || Exists @Request[a] && Exists @Request[b]", 43, "ambiguous"),
    ("Subject[a] StringEquals 'x'", 7, "no meaning"),
    ("@Subject[a] StringEquals 'x'", 0, "found `@Subject`"),
    ("@Request a", 8, "expected the name of an attribute: @Request[name]"),
    ("@Request[", 8, "`]` that ends"),
    ("@Request[a StringEquals 'x'", 8, "`]` that ends"),
    ("@Request[a\n] StringEquals 'x'", 8, "`]` that ends"),
    ("@Request[ ] StringEquals 'x'", 10, "has a name"),
    ("@Request[<$key_case_sensitive$>] StringEquals 'x'", 9, "has a name"),
    ("@Request[a StringEquals 'x' AND @Request[b] StringEquals 'y'", 24, "no such character"),
    ("ActionMatches", 13, "expected `{`"),
    ("ActionMatches('a/b')", 13, "expected `{`"),
    ("ActionMatches{}", 14, "expected a text in quotes"),
    ("ActionMatches{a/b}", 14, "expected a text in quotes"),
    ("ActionMatches{'a/b', 'c/d'}", 19, "expected `}`"),
    ("ActionMatches{'a b/read'}", 14, "an action has no ' '"),
    ("ActionMatches{'read'}", 14, "Company.Provider/resourceType/verb"),
    ("ActionMatches{''}", 14, "Company.Provider/resourceType/verb"),
    ("SubOperationMatches{''}", 20, "has a name"),
    ("Exists 'x'", 7, "expected an attribute"),
    ("Exists", 6, "expected an attribute"),
    ("NOT", 3, "found the end"),
    ("! AND", 2, "found AND"),
    ("ActionMatches{'a/b'} AND", 24, "found the end"),
    ("ActionMatches{'a/b'} & ActionMatches{'a/b'}", 21, "`&&`"),
    ("ActionMatches{'a/b'} | ActionMatches{'a/b'}", 21, "`||`"),
    ("true", 4, "expected an operator"),
    ("\u{e9}", 0, "no meaning"),
    ("ActionMatches{'a/b'}\u{a0}", 20, "no meaning"),
    ("ActionMatches{'a/b'}\0", 20, "no meaning"),
];

#[test]
fn good_texts_are_read() {
    for text in GOOD {
        let condition = Condition::parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(condition.text(), *text);
        assert!(!condition.is_never_true());
    }
}

#[test]
fn bad_texts_are_refused_where_they_are_bad() {
    for (text, at, message) in BAD {
        let error = Condition::parse(text).expect_err(text);
        assert_eq!(error.at, *at, "{text}: {error}");
        assert!(error.message.contains(message), "{text}: {error}");
        assert!(Condition::parse_builtin(text).is_never_true(), "{text}");
    }
}

#[test]
fn an_error_shows_the_place() {
    let text = "(\n  !(ActionMatches{'A.B/c/write'})\n  OR @Request[a] StringEqual 'x'\n)";
    let error = Condition::parse(text).unwrap_err();
    assert_eq!((error.line, error.column), (3, 18));
    assert_eq!(
        error.to_string(),
        "line 3, column 18: expected an operator such as StringEquals, found `StringEqual`\n\
         \x20   OR @Request[a] StringEqual 'x'\n\
         \x20                  ^"
    );
}

#[test]
fn a_condition_has_a_limited_size() {
    let fill = |length: usize| format!("@Request[a] StringEquals '{}'", "x".repeat(length - 27));
    assert_eq!(fill(MAX_BYTES).len(), MAX_BYTES);
    assert!(Condition::parse(&fill(MAX_BYTES)).is_ok());
    let error = Condition::parse(&fill(MAX_BYTES + 1)).unwrap_err();
    assert_eq!(error.at, MAX_BYTES);
    let halved = Condition::parse(&"\u{e9}".repeat(MAX_BYTES)).unwrap_err();
    assert_eq!(halved.at, MAX_BYTES);
}

#[test]
fn depth_is_limited_and_length_is_no_danger() {
    let nested = |depth: usize| format!("{}Exists @Request[a]{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parser::parse(&nested(64)).is_ok());
    let error = parser::parse(&nested(10_000)).unwrap_err();
    assert_eq!(error.at, 64);
    assert!(error.message.contains("64 deep"), "{error}");
    assert_eq!(Condition::parse(&nested(65)).unwrap_err().at, 64);
    // Far longer than what is accepted, and still no more than read.
    let mebibyte = 1 << 20;
    assert!(parser::parse(&"(".repeat(mebibyte)).is_err());
    assert!(parser::parse(&"!".repeat(mebibyte)).is_err());
    assert!(parser::parse(&format!("{}Exists @Request[a]", "!".repeat(mebibyte))).is_ok());
    assert!(parser::parse(&"'".repeat(mebibyte + 1)).is_err());
    assert!(
        parser::parse(&format!("Exists @Request[a]{}", " AND Exists @Request[a]".repeat(mebibyte / 23)))
            .is_ok()
    );
    assert!(
        parser::parse(&format!("1 ForAnyOfAnyValues:NumericEquals {{1{}}}", ",1".repeat(mebibyte / 2)))
            .is_ok()
    );
    assert!(parser::parse(&format!("@{}", "R".repeat(mebibyte))).is_err());
    assert!(parser::parse(&format!("@Request[{}]", "r".repeat(mebibyte))).is_err());
}

#[test]
fn only_what_this_server_supplies_may_be_written() {
    let check = |text: &str| check_known(&Condition::parse(text).unwrap()).map_err(|e| e.to_string());
    for text in [
        "@request[microsoft.communication/EMAILSERVICES:senderaddress] StringEqualsIgnoreCase 'a@b.c'",
        "@Request[Microsoft.Communication/EmailServices:RecipientCount] NumericLessThanEquals 10",
        "@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals \
         {acdd72a7-3385-48ef-bd42-f606fba81ae7}",
        "@Request[Microsoft.Authorization/roleAssignments:PrincipalType<$key_case_sensitive$>] StringEquals 'User'",
        "@Environment[UtcNow] DateTimeLessThan '2030-01-01T00:00:00Z'",
        "@Environment[ClientAddress] IpAddressIn '::1' OR @Environment[ClientAddress] StringEquals '127.0.0.1'",
        "ActionMatches{'*'}",
        "@Request[Microsoft.Communication/EmailServices:SenderAddress] StringLike 'b\u{fc}ro@*'",
    ] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
    for (text, message) in [
        (
            "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'x'",
            "Resource attribute Microsoft.Storage/storageAccounts/blobServices/containers:name is not valid.",
        ),
        (
            "ActionMatches{'*'} AND !Exists @Request[subOperation]",
            "Resource attribute subOperation is not valid.",
        ),
        ("@Environment[isPrivateLink] BoolEquals true", "Environment attribute isPrivateLink is not valid."),
        ("@Principal[Team] StringEquals 'x'", "Principal attribute Team is not valid."),
        (
            "@Request[microsoft.authorization/roleAssignments:PrincipalType<$key_case_sensitive$>] StringEquals 'x'",
            "Resource attribute microsoft.authorization/roleAssignments:PrincipalType is not valid.",
        ),
        (
            "@Request[Microsoft.Communication/EmailServices:RecipientCount] StringEquals '3'",
            "Attribute Microsoft.Communication/EmailServices:RecipientCount holds an integer; the comparison \
             '@Request[Microsoft.Communication/EmailServices:RecipientCount] StringEquals '3'' is not valid.",
        ),
        (
            "@Request[Microsoft.Communication/EmailServices:RecipientDomain] ForAnyOfAllValues:StringNotEquals \
             {'a.example', 'b\u{fc}cher.example'}",
            "Attribute Microsoft.Communication/EmailServices:RecipientDomain holds domains in their ASCII form; \
             write 'b\u{fc}cher.example' as xn--.",
        ),
        (
            "@Request[Microsoft.Communication/EmailServices:SenderAddress] StringEquals 'a@b\u{fc}cher.example'",
            "Attribute Microsoft.Communication/EmailServices:SenderAddress holds domains in their ASCII form; \
             write 'b\u{fc}cher.example' as xn--.",
        ),
        ("SubOperationMatches{'Blob.List'} AND ActionMatches{'*'}", "Sub-operation Blob.List is not valid."),
    ] {
        assert_eq!(check(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn attributes_are_listed_once() {
    let text =
        "@Request[a] StringEquals @Resource[a] AND (Exists @request[A] OR @Environment[b] BoolEquals true)";
    let condition = Condition::parse(text).unwrap();
    let listed: Vec<String> =
        condition.attributes().map(|(source, name)| format!("{source} {name}")).collect();
    assert_eq!(listed, ["Request a", "Resource a", "Environment b"]);
}

#[test]
fn the_examples_of_the_documentation_may_be_written() {
    let page = include_str!("../../../../../../docs/conditions.md");
    let examples: Vec<&str> =
        page.split("```condition\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 7, "{}", examples.len());
    for example in examples {
        let condition = Condition::parse(example).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(check_known(&condition), Ok(()), "{example}");
    }
}

/// Any bytes, and any sequence of words of the language, are a condition or an error with a place.
#[test]
fn any_text_is_a_condition_or_an_error() {
    bolero::check!().with_type::<Vec<u8>>().for_each(|bytes| judge(&String::from_utf8_lossy(bytes)));
    bolero::check!().with_type::<Vec<u8>>().for_each(|picks| {
        let words = [
            "(",
            ")",
            "{",
            "}",
            ",",
            "!",
            "AND",
            "&&",
            "or",
            "||",
            "Not",
            "Exists",
            "ActionMatches{'A.B/*'}",
            "SubOperationMatches{'x'}",
            "@Request[a]",
            "@Resource[b]",
            "@",
            "'x'",
            "''",
            "7",
            "true",
            "StringEquals",
            "NumericLessThan",
            "ForAnyOfAnyValues:StringLike",
            "GuidEquals",
            "\n",
            "\u{e9}",
            "acdd72a7338548efbd42f606fba81ae7",
            "{'x','y'}",
            "BoolEquals",
            "IpAddressIn",
            "'10.0.0.0/8'",
        ];
        let text: Vec<&str> = picks.iter().map(|pick| words[usize::from(*pick) % words.len()]).collect();
        judge(&text.join(" "));
    });
}

fn judge(text: &str) {
    match Condition::parse(text) {
        Ok(condition) => {
            let request = super::a(crate::condition::Value::Text("x"));
            let first = condition.evaluate("A.B/c/read", &request);
            assert_eq!(condition.evaluate("A.B/c/read", &request), first);
            assert!(!condition.trace("A.B/c/read", &request).is_empty());
            assert!(parser::parse(&format!("({text}\n)")).is_ok());
        }
        Err(error) => {
            assert!(text.is_char_boundary(error.at), "{error}");
            assert!(error.to_string().lines().count() == 3, "{error}");
        }
    }
}
