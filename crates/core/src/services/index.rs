//! Finds the rows of a call by hashing: the index is made at compile time, so that neither the start
//! nor an event pays for the size of the table.

use super::{GENERATED, Row, SERVICES, Service};

/// Places for calls; kept less than half full, so that a look-up seldom meets another call.
const SLOTS: usize = 4096;

/// Where a call's rows begin: one more than `nth service << 16 | nth row`, counted over both tables;
/// 0 where there is none.
static INDEX: [u32; SLOTS] = filled();

/// The rows of exactly this call, and their service. What is written by hand wins.
pub(super) fn find(service: &str, call: &str) -> Option<(&'static Service, &'static [Row])> {
    let mut slot = hash(service.as_bytes(), call.as_bytes());
    loop {
        let (found, row) = at(INDEX[slot % SLOTS])?;
        let rows = &found.rows[row..];
        if rows[0].call == call && found.name == service {
            let count = rows.iter().take_while(|row| row.call == call).count();
            return Some((found, &rows[..count]));
        }
        slot += 1;
    }
}

const fn at(entry: u32) -> Option<(&'static Service, usize)> {
    if entry == 0 {
        return None;
    }
    let (nth, row) = ((entry - 1) as usize >> 16, (entry - 1) as usize & 0xffff);
    Some((if nth < SERVICES.len() { &SERVICES[nth] } else { &GENERATED[nth - SERVICES.len()] }, row))
}

const fn filled() -> [u32; SLOTS] {
    let mut index = [0; SLOTS];
    let (mut nth, mut count) = (0, 0);
    while nth < SERVICES.len() + GENERATED.len() {
        let service = if nth < SERVICES.len() { &SERVICES[nth] } else { &GENERATED[nth - SERVICES.len()] };
        let mut row = 0;
        while row < service.rows.len() {
            let call = service.rows[row].call;
            if row == 0 || !same(service.rows[row - 1].call.as_bytes(), call.as_bytes()) {
                let slot = free(&index, service.name, call);
                if let Some(slot) = slot {
                    index[slot] = ((nth << 16) | row) as u32 + 1;
                    count += 1;
                }
            }
            row += 1;
        }
        nth += 1;
    }
    assert!(count < SLOTS / 2, "the index is too full: double SLOTS");
    index
}

/// The slot for a call; `None` where it has one, by the table that comes first.
const fn free(index: &[u32; SLOTS], service: &str, call: &str) -> Option<usize> {
    let mut slot = hash(service.as_bytes(), call.as_bytes()) % SLOTS;
    while let Some((other, row)) = at(index[slot]) {
        if same(other.name.as_bytes(), service.as_bytes())
            && same(other.rows[row].call.as_bytes(), call.as_bytes())
        {
            return None;
        }
        slot = (slot + 1) % SLOTS;
    }
    Some(slot)
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut nth = 0;
    while a.len() == b.len() && nth < a.len() {
        if a[nth] != b[nth] {
            return false;
        }
        nth += 1;
    }
    a.len() == b.len()
}

const fn hash(service: &[u8], call: &[u8]) -> usize {
    mixed(mixed(0, service), call) as usize
}

/// Eight bytes at a time: names are short, and nobody chooses them to collide.
const fn mixed(seed: u64, bytes: &[u8]) -> u64 {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = seed ^ bytes.len() as u64;
    let mut rest = bytes;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        hash = (hash ^ u64::from_le_bytes(*eight)).wrapping_mul(PRIME).rotate_left(29);
        rest = after;
    }
    let mut last: u64 = 0;
    while let Some((byte, after)) = rest.split_first() {
        last = last << 8 | *byte as u64;
        rest = after;
    }
    let hash = (hash ^ last).wrapping_mul(PRIME);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::super::all;
    use super::*;

    #[test]
    fn every_call_is_found_with_all_its_rows_and_no_other() {
        for service in all() {
            for row in service.rows {
                let (found, rows) = find(service.name, row.call).expect("a call of the table");
                assert_eq!(found.name, service.name);
                assert!(rows.iter().all(|one| one.call == row.call), "{}", row.call);
                let all_of_it = found.rows.iter().filter(|one| one.call == row.call).count();
                assert_eq!(rows.len(), all_of_it, "{}", row.call);
            }
        }
    }

    #[test]
    fn what_no_table_knows_is_not_found() {
        assert!(find("ec2", "RunInstance").is_none() && find("ec", "RunInstances").is_none());
        assert!(find("", "").is_none());
    }
}
