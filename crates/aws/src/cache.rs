//! Answers of AWS that stay true for minutes: kept in the warm process, and asked for once even by many
//! callers at the same time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

/// A full cache is emptied: a function sees few principals.
const MOST: usize = 4096;

#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    lifetime: Duration,
    entries: RefCell<HashMap<K, Entry<V>>>,
}

#[derive(Debug)]
struct Entry<V> {
    asked: Instant,
    value: Rc<OnceCell<V>>,
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self { lifetime, entries: RefCell::default() }
    }

    /// The value of `key`, asked for if it is not known. Errors are not kept, nor values that `keep`
    /// rejects.
    pub(crate) async fn get<E>(
        &self,
        key: &K,
        keep: impl Fn(&V) -> bool,
        ask: impl AsyncFnOnce() -> Result<V, E>,
    ) -> Result<V, E> {
        let entry = self.entry(key);
        let value = entry.get_or_try_init(|| ask()).await?.clone();
        if !keep(&value) {
            self.entries.borrow_mut().remove(key);
        }
        Ok(value)
    }

    fn entry(&self, key: &K) -> Rc<OnceCell<V>> {
        let mut entries = self.entries.borrow_mut();
        if let Some(entry) = entries.get(key)
            && entry.asked.elapsed() < self.lifetime
        {
            return Rc::clone(&entry.value);
        }
        if entries.len() >= MOST {
            entries.clear();
        }
        let value = Rc::new(OnceCell::new());
        entries.insert(key.clone(), Entry { asked: Instant::now(), value: Rc::clone(&value) });
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::convert::Infallible;

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(future)
    }

    /// How often the cache asked for three callers at the same time and one later.
    fn asked(lifetime: Duration, keep: bool) -> u32 {
        let asked = Cell::new(0);
        let cache: Cache<&str, u32> = Cache::new(lifetime);
        run(async {
            let get = || {
                cache.get(
                    &"key",
                    move |_| keep,
                    async || {
                        asked.set(asked.get() + 1);
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        Ok::<_, Infallible>(asked.get())
                    },
                )
            };
            let (first, second, third) = tokio::join!(get(), get(), get());
            assert_eq!((first, second), (third, Ok(1)));
            get().await.expect("infallible");
        });
        asked.get()
    }

    #[test]
    fn many_callers_at_the_same_time_ask_once() {
        assert_eq!(asked(Duration::from_secs(60), true), 1);
    }

    #[test]
    fn a_value_that_is_not_kept_is_asked_for_again() {
        assert_eq!(asked(Duration::from_secs(60), false), 2);
    }

    #[test]
    fn errors_are_not_kept() {
        let cache: Cache<u8, u8> = Cache::new(Duration::from_secs(60));
        run(async {
            assert_eq!(cache.get(&1, |_| true, async || Err("no")).await, Err("no"));
            assert_eq!(cache.get(&1, |_| true, async || Ok::<_, &str>(7)).await, Ok(7));
        });
    }

    #[test]
    fn old_answers_are_asked_for_again() {
        let cache: Cache<u8, u8> = Cache::new(Duration::ZERO);
        run(async {
            assert_eq!(cache.get(&1, |_| true, async || Ok::<_, &str>(1)).await, Ok(1));
            assert_eq!(cache.get(&1, |_| true, async || Ok::<_, &str>(2)).await, Ok(2));
        });
    }
}
