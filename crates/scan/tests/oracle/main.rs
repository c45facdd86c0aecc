//! The scan finds exactly what `serde_json` finds that parses everything: in records as they are, laid out in every
//! way, broken and hostile; at once, through a small buffer, packed, and with filters.
//!
//! `make scan-mutations` tries ten million; the test a seeded sample. A failure names the seed: `SEED=… MUTATIONS=1`.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod both;
mod corpus;
mod mutate;
mod packed;
mod slow;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;

use both::{Both, Counts, LONGEST};
use corpus::Record;

/// Texts that a thread takes at once.
const TOGETHER: u64 = 500;
const SAY: Duration = Duration::from_secs(30);

/// Names the seed where the test fails, and ends it.
struct Seed<'a>(u64, &'a AtomicU64);

impl Drop for Seed<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.1.store(u64::MAX / 2, Ordering::Relaxed);
            eprintln!("to see it alone: SEED={} MUTATIONS=1", self.0);
        }
    }
}

fn try_some(first: u64, mutations: u64, next: &AtomicU64, records: &[Record], began: Instant) -> Counts {
    let (mut both, mut said) = (Both::new(), began);
    loop {
        let from = next.fetch_add(TOGETHER, Ordering::Relaxed);
        if from >= mutations {
            return both.counts;
        }
        for nth in from..mutations.min(from + TOGETHER) {
            let _seed = Seed(first + nth, next);
            let mut rng = Rng::with_seed(first + nth);
            let mut text = corpus::file(records, &mut rng);
            mutate::mutate(&mut text, records, &mut rng);
            both.try_one(&text, &mut rng);
        }
        if said.elapsed() > SAY {
            said = Instant::now();
            println!("{from} of {mutations} after {:.0} s", began.elapsed().as_secs_f64());
        }
    }
}

#[test]
fn the_scan_finds_what_parsing_everything_finds() {
    let count =
        |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (first, mutations): (u64, u64) = (count("SEED", 0), count("MUTATIONS", 8_000));
    let (records, next, began) = (&corpus::records(), &AtomicU64::new(0), Instant::now());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut all = Counts::default();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| scope.spawn(move || try_some(first, mutations, next, records, began)))
            .collect();
        running.into_iter().for_each(|thread| all.add(&thread.join().expect("no difference")));
    });
    let Counts { trails, json, kept, named, streamed, unpacked, filtered } = all;
    println!(
        "{mutations} mutated files in {:.0} s: {trails} still a trail's, {json} compared as JSON; {kept} records kept and {named} named, as by \
         parsing everything; {streamed} through a small buffer, {unpacked} packed; {filtered} kept by a filter",
        began.elapsed().as_secs_f64()
    );
    let (many, some) = (mutations / 8, mutations / 100);
    assert!(mutations < 1000 || trails > 2 * many && kept > many);
    assert!(
        mutations < 1000 || [json, named, streamed, unpacked, filtered].iter().all(|count| *count > some)
    );
}

/// What was once found otherwise, or is too rare for chance.
#[test]
fn what_is_rare_is_found_as_well() {
    let record = |rest: &str| format!(r#"{{"eventSource":"ec2.amazonaws.com",{rest}}}"#);
    let (volume, nothing) = (record(r#""eventName":"CreateVolume""#), record(r#""eventName":"Describe""#));
    let spaces = " ".repeat(3 * LONGEST);
    let long = record(&format!(r#""x":"{}","eventName":"CreateVolume""#, "}{\\\"".repeat(LONGEST)));
    let texts = [
        // A name that is longer than any.
        format!("{{\"Records\":[{}]}}", record(&format!(r#""eventName":"Delete{}""#, "x".repeat(400)))),
        // Spaces without end, wherever they may be.
        format!("{{\"Records\":[{spaces}{volume}{spaces},{spaces}{volume}{spaces}]{spaces}}}{spaces}"),
        format!("{{\"Records\":[{spaces}]{spaces}}}{spaces}"),
        // What is no space there.
        format!("{{\"Records\":[{volume}{spaces}x{spaces},{volume}]}}"),
        format!("{{\"Records\":[{volume},\"{spaces}\",{volume}]}}"),
        format!("{{\"Records\":[{volume}]{spaces},{volume}]}}"),
        // Records that are too long: the first, the last, all, one that is cut.
        format!("{{\"Records\":[{long},{volume},{nothing},{long}]}}"),
        format!("{{\"Records\":[{volume},{long},{long},{volume}]}}"),
        format!("{{\"Records\":[{long}"),
        format!("{{\"Records\":[{long}{spaces}x{long}]}}"),
        // A backslash outside of a text takes nothing away from a brace.
        format!("{{\"Records\":[{volume},{{\\{{\"x\":\"{}\"}}}},{volume}]}}", "y".repeat(3 * LONGEST)),
        // More flaws than are told.
        format!(
            "{{\"Records\":[{volume}{}]}}",
            format!(",{}", record(r#""eventName":"CreateVolume",x"#)).repeat(50)
        ),
    ];
    let mut both = Both::new();
    for seed in 0..200 {
        for text in &texts {
            both.try_one(text.as_bytes(), &mut Rng::with_seed(seed));
        }
    }
    assert!(both.counts.streamed > 100 && both.counts.named > 100);
}
