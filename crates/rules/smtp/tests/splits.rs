//! However the input is cut, the session does the same; whatever the input is, it does not panic.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod driver;

use driver::{Input, run};
use proptest::prelude::*;

/// Pieces of sessions, good and bad, from which whole ones are put together.
const PIECES: &[&[u8]] = &[
    b"EHLO c\r\n",
    b"AUTH PLAIN AG1haWxlcgByaWdodA==\r\n",
    b"AUTH LOGIN\r\n",
    b"AUTH XOAUTH2 dXNlcj1tYWlsZXIBYXV0aD1CZWFyZXIgVE9LRU4BAQ==\r\n",
    b"bWFpbGVy\r\n",
    b"*\r\n",
    b"MAIL FROM:<a@contoso.com>\r\n",
    b"MAIL FROM:<held@contoso.com>\r\n",
    b"RCPT TO:<x@y.z>\r\n",
    b"RCPT TO:<x@outside.test>\r\n",
    b"RCPT TO:<nonsense\r\n",
    b"DATA\r\n",
    b"Subject: x\r\n\r\n",
    b"..\r\n",
    b".",
    b"\r\n",
    b"\r\n.\r\n",
    b"BDAT 10\r\n",
    b"BDAT 5 LAST\r\n",
    b"0123456789",
    b"RSET\r\n",
    b"\r",
    b"\n",
    b"\0",
    b"\xff",
    b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    b"QUIT\r\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn random_sessions_cut_at_random_places(
        pieces in prop::collection::vec(0..PIECES.len(), 0..60),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        authenticated in any::<bool>(),
    ) {
        let mut text = if authenticated { [PIECES[0], PIECES[1]].concat() } else { Vec::new() };
        text.extend(pieces.iter().flat_map(|piece| PIECES[*piece]));
        let input = Input { tls: true, parts: &[&text] };
        let whole = run(&input, |_| Vec::new());
        let cut = run(&input, |part| {
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(part.len() + 1)).collect();
            places.sort_unstable();
            places
        });
        prop_assert_eq!(&cut, &whole);
        let octets = run(&input, |part| (1..part.len()).collect());
        prop_assert_eq!(&octets, &whole);
    }
}

#[test]
fn fuzz_a_session() {
    bolero::check!().with_type::<(bool, Vec<u8>)>().for_each(|(sending, bytes)| {
        let mut text = Vec::new();
        if *sending {
            text.extend_from_slice(b"EHLO c\r\nAUTH PLAIN AG1haWxlcgByaWdodA==\r\nMAIL FROM:<a@contoso.com>\r\nRCPT TO:<x@y.z>\r\nDATA\r\n");
        }
        text.extend_from_slice(bytes);
        let input = Input { tls: true, parts: &[&text] };
        let whole = run(&input, |_| Vec::new());
        let octets = run(&input, |part| (1..part.len()).collect());
        assert_eq!(whole, octets);
    });
}
