//! `aws-tags redrive`: sends dead letters back to the queues that the functions read, and says
//! what became of each.
//!
//! A letter is deleted only after its events were sent. Whatever stops the command in between, a
//! letter is at worst sent once more, and every event can be handled twice.

mod report;

use std::collections::HashSet;
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_tags::dead_letter::{DeadLetter, Lost};
use aws_tags::installation::{DEAD_LETTERS, PREFIX, queue_of};
use aws_tags_aws::operations::{Installation, Queue, Received};
use aws_tags_aws::{Aws, Error};
use futures_util::future::join_all;

use crate::{End, Redrive, complain};
use report::{Fate, Report, Row};

/// How long a received letter is hidden from others: longer than sending ten takes.
const HELD_SECONDS: i32 = 300;
/// Calls under way at once.
const AT_ONCE: usize = 10;
/// Between looks at whether sent events are handled.
const PAUSE: Duration = Duration::from_secs(2);
/// Looks in a row that must find a queue empty: SQS's counts lag.
const EMPTY_LOOKS: u32 = 2;

/// Ctrl-C was pressed: finish what is in hand, then stop.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Shows dead letters and, if told to, sends them back.
pub fn run(options: &Redrive, out: &mut impl Write) -> io::Result<End> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let aws = Aws::connect(&options.access.access()).await;
        let Some(region) = aws.region() else {
            complain("no Region: give one with --region, AWS_REGION, or a profile");
            return Ok(End::BadInput);
        };
        let regions = || [region].into_iter().chain(options.regions.iter().map(String::as_str));
        let (mut dead, mut live) = (Vec::new(), Vec::new());
        for at in regions() {
            let here = aws.installation(at);
            let queues = match here.queues(PREFIX).await {
                Ok(queues) => queues,
                Err(error) => return cannot(&format!("list the queues in {at}"), &error),
            };
            let named = |name: &String| options.queues.is_empty() || options.queues.contains(name);
            for queue in queues {
                let place = Place { here: here.clone(), queue };
                match place.queue.name.ends_with(DEAD_LETTERS) {
                    true if named(&place.queue.name) => dead.push(place),
                    false if at == region => live.push(place),
                    _ => {}
                }
            }
        }
        if dead.is_empty() {
            let regions = regions().collect::<Vec<_>>().join(", ");
            complain(&format!(
                "no queue in {regions} is called `{PREFIX}…{DEAD_LETTERS}`, or as --queue says"
            ));
            return Ok(End::BadInput);
        }
        let post = Post { dead, live, options };
        match post.redrive(out).await {
            Ok(end) => end,
            Err(error) => cannot("go on; what was sent is deleted, the rest is where it was", &error),
        }
    })
}

fn cannot(what: &str, error: &Error) -> io::Result<End> {
    complain(&format!("cannot {what}: {error}"));
    Ok(End::BadInput)
}

/// A queue, and the Region that it is in.
struct Place {
    here: Installation,
    queue: Queue,
}

/// The queues, and what to do with their letters.
struct Post<'a> {
    dead: Vec<Place>,
    /// Those that the functions read, all in the home Region.
    live: Vec<Place>,
    options: &'a Redrive,
}

impl Place {
    /// Up to ten letters, for us alone.
    async fn receive(&self) -> Result<Vec<Received>, Error> {
        self.here.receive(&self.queue.url, HELD_SECONDS).await
    }

    /// Everybody may have these letters again. Those that cannot be let go wait till their time is
    /// over.
    async fn let_go(&self, letters: &[Received]) {
        for some in letters.chunks(AT_ONCE) {
            join_all(some.iter().map(|letter| self.here.let_go(&self.queue.url, letter))).await;
        }
    }
}

impl Post<'_> {
    async fn redrive(&self, out: &mut impl Write) -> Result<io::Result<End>, Error> {
        let mut report = Report::new(out, self.options.json);
        if !self.options.yes {
            let (rows, _) = self.pass(false).await?;
            let count = rows.len();
            if let Err(error) = report.found(&rows) {
                return Ok(Err(error));
            }
            if count == 0 || self.options.dry_run || !agreed(count) {
                return Ok(Ok(End::Done));
            }
        }
        tokio::spawn(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if INTERRUPTED.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
                complain("stopping after the letters in hand; press again to stop at once");
            }
        });
        let (mut rows, seen) = self.pass(true).await?;
        self.follow(&mut rows, &seen).await?;
        Ok(report.done(&rows, INTERRUPTED.load(Ordering::Relaxed)))
    }

    /// Goes once through all letters; with `send` sends those that are wanted. Gives a row for each
    /// wanted event, and the ids of all letters that were seen.
    async fn pass(&self, send: bool) -> Result<(Vec<Row>, HashSet<String>), Error> {
        let (mut rows, mut seen) = (Vec::new(), HashSet::new());
        for place in &self.dead {
            let mut kept = Vec::new();
            let walked = self.walk(place, send, &mut rows, &mut seen, &mut kept).await;
            // Also after an error: nobody should have to wait for what we only looked at.
            place.let_go(&kept).await;
            walked?;
        }
        Ok((rows, seen))
    }

    async fn walk(
        &self,
        from: &Place,
        send: bool,
        rows: &mut Vec<Row>,
        seen: &mut HashSet<String>,
        kept: &mut Vec<Received>,
    ) -> Result<(), Error> {
        while !INTERRUPTED.load(Ordering::Relaxed) {
            let room = self.options.limit.map_or(usize::MAX, |limit| limit.saturating_sub(rows.len()));
            if room == 0 {
                break;
            }
            let mut received = from.receive().await?;
            received.retain(|letter| seen.insert(letter.id.clone()));
            if received.is_empty() {
                break;
            }
            let letters = received.into_iter().map(|letter| {
                let contents = DeadLetter::of(&letter.body, |name| letter.attribute(name));
                (letter, contents)
            });
            let (mut wanted, others): (Vec<_>, Vec<_>) =
                letters.partition(|(_, contents)| contents.events.iter().any(|lost| self.wants(lost)));
            let beyond = wanted.split_off(wanted.len().min(room));
            kept.extend(others.into_iter().chain(beyond).map(|(letter, _)| letter));
            let fates = wanted.iter().map(async |(letter, contents)| match send {
                true => self.send(from, letter, contents).await,
                false => contents.events.iter().map(|_| Fate::Found).collect(),
            });
            let fates = join_all(fates).await;
            for ((letter, contents), fates) in wanted.into_iter().zip(fates) {
                let stays = fates.iter().any(|fate| *fate != Fate::Sent);
                let events = contents.events.iter().zip(fates);
                rows.extend(events.map(|(lost, fate)| Row::new(&from.queue, &contents, lost, fate)));
                kept.extend(stays.then_some(letter));
            }
            report::progress(rows.len(), send);
        }
        Ok(())
    }

    fn wants(&self, lost: &Lost) -> bool {
        let names = &self.options.event_names;
        names.is_empty() || lost.event.as_ref().is_ok_and(|event| names.contains(&event.name))
    }

    /// Sends the events of a letter, then deletes it; it stays where one could not be sent.
    async fn send(&self, from: &Place, letter: &Received, contents: &DeadLetter) -> Vec<Fate> {
        let mut fates = Vec::with_capacity(contents.events.len());
        for lost in &contents.events {
            fates.push(match &lost.event {
                Err(reason) => Fate::Unreadable(reason.clone()),
                Ok(event) => {
                    let name = queue_of(event);
                    match self.live.iter().find(|to| to.queue.name == name) {
                        None => Fate::NotSent(format!("there is no queue `{name}`")),
                        Some(to) => match to.here.send(&to.queue.url, &lost.body).await {
                            Ok(()) => Fate::Sent,
                            Err(error) => Fate::NotSent(error.to_string()),
                        },
                    }
                }
            });
        }
        if fates.iter().all(|fate| *fate == Fate::Sent)
            && let Err(error) = from.here.delete(&from.queue.url, letter).await
        {
            fates.fill(Fate::NotDeleted(error.to_string()));
        }
        fates
    }

    /// Waits until the functions' queues are empty or the time is over, then looks which of the
    /// sent events are dead letters again.
    async fn follow(&self, rows: &mut [Row], seen: &HashSet<String>) -> Result<(), Error> {
        if self.options.wait == 0 || !rows.iter().any(|row| row.fate == Fate::Sent) {
            return Ok(());
        }
        let end = Instant::now() + Duration::from_secs(self.options.wait);
        let mut empty_looks = 0;
        while empty_looks < EMPTY_LOOKS && Instant::now() < end && !INTERRUPTED.load(Ordering::Relaxed) {
            tokio::time::sleep(PAUSE.min(end.saturating_duration_since(Instant::now()))).await;
            empty_looks = if self.left().await? == 0 { empty_looks + 1 } else { 0 };
        }
        let back = self.dead_again(seen).await?;
        let otherwise = if empty_looks >= EMPTY_LOOKS { Fate::Handled } else { Fate::UnderWay };
        for row in rows.iter_mut().filter(|row| row.fate == Fate::Sent) {
            row.fate = match &row.event_id {
                Some(id) if back.contains(id) => Fate::CameBack,
                _ => otherwise.clone(),
            };
        }
        Ok(())
    }

    /// Messages in the functions' queues.
    async fn left(&self) -> Result<u64, Error> {
        let mut left = 0;
        for place in &self.live {
            let now = place.here.queue(place.queue.url.clone()).await?;
            left += now.waiting + now.under_way;
        }
        Ok(left)
    }

    /// Ids of the events in letters that were not there before.
    async fn dead_again(&self, seen: &HashSet<String>) -> Result<HashSet<String>, Error> {
        let mut back = HashSet::new();
        for place in &self.dead {
            let (mut now, mut held) = (HashSet::new(), Vec::new());
            loop {
                let mut received = place.receive().await?;
                received.retain(|letter| now.insert(letter.id.clone()));
                if received.is_empty() {
                    break;
                }
                for letter in received.iter().filter(|letter| !seen.contains(&letter.id)) {
                    let contents = DeadLetter::of(&letter.body, |name| letter.attribute(name));
                    let events = contents.events.iter().filter_map(|lost| lost.event.as_ref().ok());
                    back.extend(events.filter_map(|event| event.id().map(|id| id.into_owned())));
                }
                held.extend(received);
            }
            place.let_go(&held).await;
        }
        Ok(back)
    }
}

/// Asks, where somebody is there to answer; else says how to go on.
fn agreed(count: usize) -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        complain("nothing was sent; to send them back, add --yes");
        return false;
    }
    let _ = write!(anstream::stderr(), "\nSend {count} events back? [y/N] ");
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
