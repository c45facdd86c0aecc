//! Queues, their backlog, and dead letters.

use aws_tags::deployment::resource_names::{CREATION_QUEUE, DEAD_LETTERS, SESSION_QUEUE};

use super::{DEPLOY, Finding, Place};
use crate::account::Queue;

/// More waiting messages than this are a backlog.
const BACKLOG: u64 = 1000;

/// Queues, their backlog, and dead letters.
pub(in crate::doctor) fn queues(queues: &[Queue], place: Place, account: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let read: &[&str] = match place {
        Place::Home => &[SESSION_QUEUE, CREATION_QUEUE],
        Place::Recorder => &[SESSION_QUEUE],
        Place::Forwarder => &[],
    };
    for &name in read {
        let Some(queue) = queues.iter().find(|queue| queue.name == name) else {
            findings.push(Finding::error(format!("no queue `{name}` in account {account}"), DEPLOY));
            continue;
        };
        if queue.dead_letter_queue.is_none() {
            let found = format!("queue `{name}` has no dead-letter queue: events that keep failing are lost");
            findings.push(Finding::error(found, DEPLOY));
        }
        if queue.waiting > BACKLOG {
            let found = format!("messages waiting in queue `{name}`: {}", queue.waiting);
            let todo = "check the function's throttles and errors, and its reserved concurrency";
            findings.push(Finding::warning(found, todo));
        }
    }
    findings.extend(dead_letters(queues));
    findings
}

/// Dead letters: every Region with rules has queues for them.
fn dead_letters(queues: &[Queue]) -> Vec<Finding> {
    let dead = queues.iter().filter(|queue| queue.name.ends_with(DEAD_LETTERS));
    dead.filter(|queue| queue.waiting + queue.in_progress > 0)
        .map(|queue| {
            let mut found =
                format!("dead letters in `{}`: {}", queue.name, queue.waiting + queue.in_progress);
            let reasons: Vec<String> =
                queue.reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            if !reasons.is_empty() {
                found = format!("{found} ({})", reasons.join(", "));
            }
            let todo = "fix the cause, which `aws-tags redrive --dry-run` and the function's log show, then \
                        `aws-tags redrive`";
            Finding::warning(found, todo)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::severities;
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn a_backlog_and_dead_letters_are_findings_and_a_few_waiting_messages_are_not() {
        let queue = |name: &str, waiting| Queue {
            name: name.into(),
            url: String::new(),
            waiting,
            in_progress: 1,
            dead_letter_queue: Some("arn".into()),
            reasons: BTreeMap::new(),
            policy: None,
            key: None,
        };
        let with = |waiting| [queue(SESSION_QUEUE, 7), queue(CREATION_QUEUE, waiting)];
        assert_eq!(queues(&with(BACKLOG), Place::Home, "111122223333"), []);
        let backlog = queues(&with(BACKLOG + 1), Place::Home, "111122223333");
        assert_eq!(severities(&backlog), [Severity::Warning]);
        assert!(backlog[0].found.ends_with("`aws-tags-creations`: 1001"), "{backlog:?}");
        let dead = [&with(0)[..], &[queue("aws-tags-creations-dead-letters", 2)]].concat();
        assert!(queues(&dead, Place::Home, "111122223333")[0].found.ends_with("dead-letters`: 3"));
        let reasons = [("denied".to_owned(), 2), ("late".to_owned(), 1)].into();
        let dead = Queue { reasons, ..queue("aws-tags-creations-dead-letters", 2) };
        let found = &dead_letters(&[dead])[0].found;
        assert!(found.ends_with("dead-letters`: 3 (2 denied, 1 late)"), "{found}");
    }
}
