//! Users who sign in with passwords and one-time passwords, and those who guess.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod credential_house;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use credential_house::{House, PASSWORD};
use gatepost_credentials::totp;
use gatepost_directory::{DirectoryError, PasswordChangeError, UserError};

const ADA: &str = "ada@contoso.example";

fn from(n: u32) -> Option<IpAddr> {
    Some(IpAddr::V4(Ipv4Addr::from_bits(0x5DB8_0000 + n)))
}

impl House {
    fn try_password(&self, login: &str, password: &str, source: Option<IpAddr>) -> Result<(), UserError> {
        self.directory.sign_in_password(self.tenant, login, password, source).map(|_| ())
    }

    fn code(&self, secret: &[u8]) -> String {
        format!("{:06}", totp::code(secret, self.now() / totp::STEP))
    }
}

#[test]
fn a_user_signs_in_and_nobody_learns_who_exists() {
    let house = House::new();
    let shown = house.directory.sign_in_password(house.tenant, "ADA@contoso.example", PASSWORD, from(1));
    let shown = shown.unwrap();
    assert_eq!((shown.user.id, shown.must_change_password), (house.user, false));
    assert!(!shown.factors.any());
    for (login, password) in [
        (ADA, "wrong"),
        (ADA, ""),
        (ADA, &"x".repeat(100_000)),
        ("nobody@contoso.example", PASSWORD),
        ("", PASSWORD),
        ("ada@fabrikam.example", PASSWORD),
    ] {
        assert!(matches!(house.try_password(login, password, from(1)), Err(UserError::Wrong)), "{login}");
    }
}

#[test]
fn guessing_at_one_account_gets_ten_guesses_and_the_user_goes_on() {
    let house = House::new();
    house.try_password(ADA, PASSWORD, from(1)).unwrap();
    let begun = Instant::now();
    let mut seen = 0;
    for n in 0..10_000_u32 {
        match house.try_password(ADA, &format!("guess {n}"), from(100 + n % 500)) {
            Err(UserError::Wrong) => seen += 1,
            Err(UserError::Locked { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, 10);
    // Ten hashes and ten thousand look-ups. The look-ups must not be what takes the time.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(
        matches!(house.try_password(ADA, PASSWORD, from(2)), Err(UserError::Locked { .. })),
        "a stranger"
    );
    house.try_password(ADA, PASSWORD, from(1)).unwrap();
    house.clock.advance(Duration::from_secs(61));
    house.try_password(ADA, PASSWORD, from(2)).unwrap();
}

#[test]
fn guessing_at_many_accounts_from_one_address_ends_the_address() {
    let house = House::new();
    house.try_password(ADA, PASSWORD, from(1)).unwrap();
    let mut seen = 0;
    for n in 0..400 {
        match house.try_password(&format!("user{n}@contoso.example"), "Spring2026!", from(7)) {
            Err(UserError::Wrong) => seen += 1,
            Err(UserError::Locked { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, 100);
    assert!(matches!(house.try_password(ADA, PASSWORD, from(7)), Err(UserError::Locked { .. })));
    house.try_password(ADA, PASSWORD, from(1)).unwrap();
}

#[test]
fn a_flood_of_guesses_leaves_the_honest_served() {
    let house = House::new();
    house.try_password(ADA, PASSWORD, from(1)).unwrap();
    let (wrong, busy) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..64_u32 {
            let (house, wrong, busy) = (&house, &wrong, &busy);
            scope.spawn(move || {
                for n in 0..4 {
                    let login = format!("user{thread}-{n}@contoso.example");
                    match house.try_password(&login, "x", from(1000 + thread)) {
                        Err(UserError::Wrong) => wrong.fetch_add(1, Ordering::SeqCst),
                        Err(UserError::Busy) => busy.fetch_add(1, Ordering::SeqCst),
                        other => panic!("{other:?}"),
                    };
                }
            });
        }
        for _ in 0..5 {
            house.try_password(ADA, PASSWORD, from(1)).unwrap();
        }
    });
    assert!(busy.into_inner() > 0, "those who cannot be served are told so");
    assert!(wrong.into_inner() > 0);
}

#[test]
fn an_old_password_that_a_program_keeps_trying_does_not_lock() {
    let house = House::new();
    for _ in 0..30 {
        assert!(matches!(house.try_password(ADA, "the old one", from(3)), Err(UserError::Wrong)));
    }
    house.try_password(ADA, PASSWORD, from(3)).unwrap();
}

#[test]
fn passwords_are_changed_and_set_anew() {
    let house = House::new();
    let change =
        |old: &str, new: &str| house.directory.change_password(house.tenant, house.user, old, new, from(1));
    assert!(matches!(change("wrong", "Zr4%kqtw-new"), Err(PasswordChangeError::Refused(UserError::Wrong))));
    assert!(matches!(change(PASSWORD, "Password2026"), Err(PasswordChangeError::Weak(_))));
    assert!(matches!(change(PASSWORD, PASSWORD), Err(PasswordChangeError::Same)));
    let before = house.directory.password_changed_at(house.tenant, house.user).unwrap().unwrap();
    house.clock.advance(Duration::from_secs(5));
    change(PASSWORD, "Zr4%kqtw-new").unwrap();
    let after = house.directory.password_changed_at(house.tenant, house.user).unwrap().unwrap();
    assert!(after > before);
    assert!(matches!(house.try_password(ADA, PASSWORD, from(1)), Err(UserError::Wrong)));
    house.try_password(ADA, "Zr4%kqtw-new", from(1)).unwrap();

    let weak = house.directory.prepare_password("ada2026!", &[ADA]);
    assert!(matches!(weak, Err(DirectoryError::WeakPassword(_))));
    // A reset ends a lock-out, and asks for another password.
    for n in 0..10 {
        assert!(house.try_password(ADA, &format!("guess {n}"), from(9)).is_err());
    }
    assert!(matches!(house.try_password(ADA, "Zr4%kqtw-new", from(9)), Err(UserError::Locked { .. })));
    let prepared = house.directory.prepare_password("Hv7#bnxd-reset", &[ADA]).unwrap();
    assert!(!format!("{prepared:?}").contains("argon2"));
    house
        .store
        .write(|tx| house.directory.store_password(tx, house.tenant, house.user, &prepared, true))
        .unwrap();
    let shown = house.directory.sign_in_password(house.tenant, ADA, "Hv7#bnxd-reset", from(9)).unwrap();
    assert!(shown.must_change_password);
    house
        .directory
        .change_password(house.tenant, house.user, "Hv7#bnxd-reset", "Tj2&pmcy-own", from(9))
        .unwrap();
    let shown = house.directory.sign_in_password(house.tenant, ADA, "Tj2&pmcy-own", from(9)).unwrap();
    assert!(!shown.must_change_password);
}

fn secret_of(uri: &str) -> Vec<u8> {
    let text = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap();
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bits = String::new();
    for byte in text.bytes() {
        let value = alphabet.iter().position(|known| *known == byte).unwrap();
        bits.push_str(&format!("{value:05b}"));
    }
    let whole = bits.len() / 8 * 8;
    bits.as_bytes()[..whole]
        .chunks(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect()
}

#[test]
fn one_time_passwords_are_set_up_and_good_once() {
    let house = House::new();
    let (directory, tenant, user) = (&house.directory, house.tenant, house.user);
    let begun = directory.begin_totp(tenant, user, "Gatepost").unwrap();
    assert!(begun.uri.starts_with("otpauth://totp/Gatepost:ada%40contoso.example?secret="));
    assert!(!format!("{begun:?}").contains(&begun.secret));
    let secret = secret_of(&begun.uri);
    assert!(!directory.second_factors(tenant, user).unwrap().totp, "not before a code was shown");
    assert!(matches!(
        directory.verify_totp(tenant, user, &house.code(&secret), from(1)),
        Err(UserError::Wrong)
    ));
    assert!(matches!(directory.confirm_totp(tenant, user, "000000x"), Err(UserError::Wrong)));
    directory.confirm_totp(tenant, user, &house.code(&secret)).unwrap();
    assert!(directory.second_factors(tenant, user).unwrap().totp);
    let replayed = directory.verify_totp(tenant, user, &house.code(&secret), from(1));
    assert!(matches!(replayed, Err(UserError::Wrong)), "setting up used the code up");
    house.clock.advance(Duration::from_secs(60));
    let code = house.code(&secret);
    directory.verify_totp(tenant, user, &code, from(1)).unwrap();
    assert!(matches!(directory.verify_totp(tenant, user, &code, from(1)), Err(UserError::Wrong)));
    let again = house.restarted();
    assert!(
        matches!(again.verify_totp(tenant, user, &code, from(1)), Err(UserError::Wrong)),
        "after a restart"
    );
    // A new secret takes the place of the old one only once it is confirmed.
    house.clock.advance(Duration::from_secs(60));
    directory.begin_totp(tenant, user, "Gatepost").unwrap();
    directory.verify_totp(tenant, user, &house.code(&secret), from(1)).unwrap();
    house.store.write(|tx| directory.remove_totp(tx, tenant, user)).unwrap();
    assert!(!directory.second_factors(tenant, user).unwrap().any());
}

#[test]
fn one_time_passwords_are_not_guessed() {
    let house = House::new();
    let (directory, tenant, user) = (&house.directory, house.tenant, house.user);
    let secret = secret_of(&directory.begin_totp(tenant, user, "Gatepost").unwrap().uri);
    directory.confirm_totp(tenant, user, &house.code(&secret)).unwrap();
    house.clock.advance(Duration::from_secs(60));
    let mut seen = 0;
    for n in 0..2000_u32 {
        let guess = format!("{:06}", 500_000 + n);
        if guess != house.code(&secret)
            && !matches!(directory.verify_totp(tenant, user, &guess, from(n)), Err(UserError::Locked { .. }))
        {
            seen += 1;
        }
    }
    assert_eq!(seen, 10);
    let right = directory.verify_totp(tenant, user, &house.code(&secret), from(1));
    assert!(matches!(right, Err(UserError::Locked { .. })));
    house.clock.advance(Duration::from_secs(61));
    directory.verify_totp(tenant, user, &house.code(&secret), from(1)).unwrap();
}

#[test]
fn mailers_that_guess_wait_over_all_connections() {
    let house = House::new();
    let directory = &house.directory;
    let address = |n| from(n).unwrap();
    directory.mailer_tried("printer", address(1), true);
    let mut seen = 0;
    for _ in 0..1000 {
        if directory.mailer_may_try("printer", address(2)).is_ok() {
            seen += 1;
            directory.mailer_tried("printer", address(2), false);
        }
    }
    assert_eq!(seen, 20);
    assert!(directory.mailer_may_try("PRINTER", address(2)).is_err());
    assert!(directory.mailer_may_try("printer", address(1)).is_ok(), "the printer itself goes on");
    assert!(directory.mailer_may_try("printer", address(3)).is_ok(), "so does it from elsewhere");
    let mut seen = 0;
    for n in 0..1000 {
        let name = format!("name{n}");
        if directory.mailer_may_try(&name, address(4)).is_ok() {
            seen += 1;
            directory.mailer_tried(&name, address(4), false);
        }
    }
    assert_eq!(seen, 100);
}
