//! Scopes from any bytes.

use gatepost_names::{ResourceId, Scope};

/// Whatever comes in is a scope that reads back as itself and lies below each of its ancestors, or an error.
#[test]
fn any_bytes_are_a_scope_or_an_error() {
    bolero::check!().with_type::<Vec<u8>>().for_each(|bytes| check(&String::from_utf8_lossy(bytes)));
}

/// The same from the segments that scopes are made of, which random bytes hardly ever hit.
#[test]
fn any_segments_are_a_scope_or_an_error() {
    const SEGMENTS: [&str; 12] = [
        "subscriptions",
        "6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11",
        "resourceGroups",
        "RESOURCEGROUPS",
        "rg1",
        "providers",
        "Microsoft.Management",
        "managementGroups",
        "A.B",
        "..",
        "",
        "%2e",
    ];
    bolero::check!().with_type::<Vec<u8>>().for_each(|choices| {
        let mut text = String::new();
        for segment in choices.iter().filter_map(|choice| SEGMENTS.get(usize::from(choice % 12))) {
            text.push('/');
            text.push_str(segment);
        }
        check(&text);
    });
}

fn check(text: &str) {
    let Ok(scope) = Scope::parse(text) else { return };
    assert_eq!(Scope::parse(scope.as_str()).as_ref(), Ok(&scope), "{text:?}");
    assert!(scope.segments().all(|segment| segment != ".." && !segment.contains('%')), "{text:?}");
    for above in scope.self_and_ancestors() {
        assert!(above.contains(&scope), "{above} and {scope}");
        assert_eq!(scope.contains(&above), scope == above, "{above} and {scope}");
    }
    assert_eq!(ResourceId::from_scope(scope.clone()).is_some(), scope.resource().is_some());
}
