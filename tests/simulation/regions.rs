//! Two Regions with an eventually consistent global table: each replica decides alone, and
//! the last write of an item wins.

use std::collections::{BTreeMap, VecDeque};

use crate::expression::Item;
use crate::table::{Effect, Table};

/// A write on its way to the other Region.
struct Copied {
    at_ms: u64,
    written_ms: u64,
    to_elsewhere: bool,
    items: BTreeMap<String, Item>,
}

/// The replica of the other Region, and what both have yet to learn.
pub struct Replica {
    table: Table,
    delay_ms: u64,
    under_way: VecDeque<Copied>,
    /// When each item was last written, here and elsewhere.
    written_ms: [BTreeMap<String, u64>; 2],
}

impl Replica {
    pub fn new(delay_ms: u64) -> Self {
        Self {
            table: Table::default(),
            delay_ms,
            under_way: VecDeque::new(),
            written_ms: [BTreeMap::new(), BTreeMap::new()],
        }
    }

    /// Lets the replica of the sender's Region decide.
    pub fn answer(
        &mut self,
        here: &mut Table,
        elsewhere: bool,
        now_ms: u64,
        operation: &str,
        body: &[u8],
    ) -> (u16, String, Effect) {
        self.replicate(here, now_ms);
        let table = if elsewhere { &mut self.table } else { here };
        let before = table.items.clone();
        let answer = table.answer(operation, body);
        let mut items = table.items.clone();
        items.retain(|user, item| before.get(user) != Some(item));
        for user in items.keys() {
            self.written_ms[usize::from(elsewhere)].insert(user.clone(), now_ms);
        }
        self.under_way.push_back(Copied {
            at_ms: now_ms + self.delay_ms,
            written_ms: now_ms,
            to_elsewhere: !elsewhere,
            items,
        });
        answer
    }

    fn replicate(&mut self, here: &mut Table, now_ms: u64) {
        while let Some(copied) = self.under_way.pop_front_if(|copied| copied.at_ms <= now_ms) {
            let table = if copied.to_elsewhere { &mut self.table } else { &mut *here };
            let written_ms = &mut self.written_ms[usize::from(copied.to_elsewhere)];
            for (user, item) in copied.items {
                let last = written_ms.entry(user.clone()).or_default();
                if *last <= copied.written_ms {
                    *last = copied.written_ms;
                    table.items.insert(user, item);
                }
            }
        }
    }
}
