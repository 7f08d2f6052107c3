//! The queue's promises, under a paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::{Instant, advance};

use super::backoff::Backoff;
use super::*;
use crate::metrics::BaseMetrics;
use crate::shutdown::Ending;

fn queue() -> Queue {
    let backoff = Backoff { start: Duration::from_secs(1), max: Duration::from_mins(5) };
    Queue::new(backoff, BaseMetrics::new().unwrap().work.queue("test"))
}

fn key(name: &str) -> Key {
    Key::from(name)
}

fn now(queue: &Queue) -> Option<Key> {
    queue.next().now_or_never()
}

#[tokio::test(start_paused = true)]
async fn a_key_added_many_times_runs_once_and_in_order() {
    let queue = queue();
    for name in ["b", "a", "b", "c", "a"] {
        queue.add(&key(name), Urgency::Now);
    }
    let order: Vec<Key> = std::iter::from_fn(|| now(&queue)).collect();
    assert_eq!(order, [key("b"), key("a"), key("c")]);
}

#[tokio::test(start_paused = true)]
async fn a_key_never_runs_twice_at_once_and_an_add_during_its_pass_is_not_lost() {
    let queue = queue();
    queue.add(&key("a"), Urgency::Now);
    let a = now(&queue).unwrap();
    queue.add(&a, Urgency::WhenDue);
    assert_eq!(now(&queue), None);
    queue.done(&a, Then::Done);
    assert_eq!(now(&queue), Some(a));
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_pass_failed_is_requeued_without_any_event() {
    let queue = queue();
    let a = key("a");
    queue.add(&a, Urgency::Now);
    queue.next().await;
    for expected in [1, 2, 4, 8] {
        let before = Instant::now();
        assert_eq!(queue.done(&a, Then::Retry), Some(Duration::from_secs(expected)));
        assert_eq!(queue.next().await, a);
        assert_eq!(before.elapsed().as_secs(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn any_pass_without_a_failure_resets_the_backoff() {
    let queue = queue();
    let a = key("a");
    queue.add(&a, Urgency::Now);
    for then in [Then::Again, Then::After(Duration::from_secs(1)), Then::Done] {
        queue.next().await;
        queue.done(&a, Then::Retry);
        queue.next().await;
        queue.done(&a, Then::Retry);
        queue.next().await;
        queue.done(&a, then);
        queue.add(&a, Urgency::Now);
        queue.next().await;
        assert_eq!(queue.done(&a, Then::Retry), Some(Duration::from_secs(1)));
        queue.add(&a, Urgency::Now);
        queue.next().await;
        queue.done(&a, Then::Done);
        queue.add(&a, Urgency::Now);
    }
}

#[tokio::test(start_paused = true)]
async fn an_irrelevant_event_never_shortens_a_backoff_or_a_pause() {
    let queue = queue();
    let a = key("a");
    for then in [Then::Retry, Then::After(Duration::from_secs(1))] {
        queue.add(&a, Urgency::Now);
        queue.next().await;
        queue.add(&a, Urgency::WhenDue);
        queue.done(&a, then);
        queue.add(&a, Urgency::WhenDue);
        assert_eq!(now(&queue), None);
        advance(Duration::from_millis(999)).await;
        assert_eq!(now(&queue), None);
        advance(Duration::from_millis(101)).await;
        assert_eq!(now(&queue), Some(a.clone()));
        queue.done(&a, Then::Done);
    }
}

#[tokio::test(start_paused = true)]
async fn a_relevant_event_runs_a_waiting_key_at_once_and_keeps_its_failures() {
    let queue = queue();
    let a = key("a");
    queue.add(&a, Urgency::Now);
    queue.next().await;
    queue.done(&a, Then::Retry);
    queue.add(&a, Urgency::Now);
    assert_eq!(now(&queue), Some(a.clone()));
    assert_eq!(queue.done(&a, Then::Retry), Some(Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_key_is_removed_whether_ready_or_waiting() {
    let queue = queue();
    let a = key("a");
    queue.add(&a, Urgency::Now);
    queue.forget(&a);
    assert_eq!(now(&queue), None);
    queue.add(&a, Urgency::Now);
    queue.next().await;
    queue.done(&a, Then::Retry);
    queue.forget(&a);
    advance(Duration::from_mins(1)).await;
    assert_eq!(now(&queue), None);
    assert_eq!(queue.failures(&a), 0);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_forgotten_among_others_leaves_them_in_order_and_comes_last_when_it_comes_again() {
    let queue = queue();
    for name in ["a", "b", "c"] {
        queue.add(&key(name), Urgency::Now);
    }
    queue.forget(&key("b"));
    queue.add(&key("b"), Urgency::Now);
    let order: Vec<Key> = std::iter::from_fn(|| now(&queue)).collect();
    assert_eq!(order, [key("a"), key("c"), key("b")]);
}

/// Runs passes until a drain that begins after four seconds.
async fn run_for_four_seconds<P>(queue: &Arc<Queue>, workers: usize, pass: impl Fn(Key) -> P)
where
    P: Future<Output = worker::PassEnd> + Send + 'static,
{
    let ending = Ending::default();
    let (ready, lapsed) = (|| async {}, std::future::pending::<()>);
    let work = worker::run(Arc::clone(queue), workers, ending.clone(), ready, lapsed, pass, |_, _, _| {});
    let stopper = async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        ending.drain();
    };
    tokio::join!(work, stopper);
}

#[tokio::test(start_paused = true)]
async fn passes_run_up_to_the_limit_and_drain_on_stop() {
    let queue = Arc::new(queue());
    for n in 0..25 {
        queue.add(&key(&n.to_string()), Urgency::Now);
    }
    let (running, most, ended) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let pass = {
        let (running, most, ended) = (Arc::clone(&running), Arc::clone(&most), Arc::clone(&ended));
        move |_key| {
            let (running, most, ended) = (Arc::clone(&running), Arc::clone(&most), Arc::clone(&ended));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(3)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                ended.fetch_add(1, Ordering::SeqCst);
                worker::PassEnd { then: Then::Done, problem: None }
            }
        }
    };
    run_for_four_seconds(&queue, 10, pass).await;
    assert_eq!(most.load(Ordering::SeqCst), 10);
    assert_eq!((running.load(Ordering::SeqCst), ended.load(Ordering::SeqCst)), (0, 20));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_pass_requeues_its_key_and_leaves_the_others_alone() {
    let queue = Arc::new(queue());
    for name in ["bad", "good"] {
        queue.add(&key(name), Urgency::Now);
    }
    let (good, bad) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let pass = {
        let (good, bad) = (Arc::clone(&good), Arc::clone(&bad));
        move |key: Key| {
            let (good, bad) = (Arc::clone(&good), Arc::clone(&bad));
            async move {
                let first_of_bad = &*key == "bad" && bad.fetch_add(1, Ordering::SeqCst) == 0;
                assert!(!first_of_bad, "a scripted panic");
                good.fetch_add(1, Ordering::SeqCst);
                worker::PassEnd { then: Then::Done, problem: None }
            }
        }
    };
    run_for_four_seconds(&queue, 2, pass).await;
    assert_eq!((good.load(Ordering::SeqCst), bad.load(Ordering::SeqCst)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_resets_the_backoff() {
    let queue = queue();
    let a = key("a");
    queue.add(&a, Urgency::Now);
    for _ in 0..6 {
        queue.next().await;
        queue.done(&a, Then::Retry);
    }
    queue.add(&a, Urgency::FreshStart);
    assert_eq!(now(&queue), Some(a.clone()));
    assert_eq!(queue.done(&a, Then::Retry), Some(Duration::from_secs(1)));
    queue.next().await;
    queue.add(&a, Urgency::FreshStart);
    assert_eq!(queue.done(&a, Then::Retry), Some(Duration::ZERO), "also while a pass runs");
}

/// Resolves once `connected` is as wanted.
fn until(connected: &watch::Receiver<bool>, wanted: bool) -> impl Fn() -> BoxFuture<'static, ()> + use<> {
    let connected = connected.clone();
    move || {
        let mut connected = connected.clone();
        Box::pin(async move {
            let _ = connected.wait_for(|connected| *connected == wanted).await;
        })
    }
}

/// Two workers whose passes never end; `begun` counts them.
fn endless_passes(
    queue: &Arc<Queue>,
    connected: &watch::Receiver<bool>,
    ending: &Ending,
    begun: &Arc<AtomicUsize>,
) -> impl Future<Output = ()> + use<> {
    let (ready, lapsed) = (until(connected, true), until(connected, false));
    let begun = Arc::clone(begun);
    worker::run(
        Arc::clone(queue),
        2,
        ending.clone(),
        ready,
        lapsed,
        move |_key| {
            let begun = Arc::clone(&begun);
            async move {
                begun.fetch_add(1, Ordering::SeqCst);
                std::future::pending().await
            }
        },
        |_, _, _| {},
    )
}

#[tokio::test(start_paused = true)]
async fn keys_added_to_an_idle_queue_after_the_driver_disconnected_wait_too() {
    let queue = Arc::new(queue());
    let (connect, connected) = watch::channel(true);
    let ending = Ending::default();
    let begun = Arc::new(AtomicUsize::new(0));
    let work = endless_passes(&queue, &connected, &ending, &begun);
    let story = async {
        tokio::time::sleep(Duration::from_hours(1)).await;
        connect.send_replace(false);
        for name in ["a", "b"] {
            queue.add(&key(name), Urgency::Now);
        }
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(begun.load(Ordering::SeqCst), 0);
        connect.send_replace(true);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(begun.load(Ordering::SeqCst), 2);
        ending.abandon();
    };
    tokio::join!(work, story);
}

#[tokio::test(start_paused = true)]
async fn keys_wait_while_there_is_no_driver_and_running_passes_can_be_abandoned() {
    let queue = Arc::new(queue());
    let (connect, connected) = watch::channel(false);
    let ending = Ending::default();
    queue.add(&key("a"), Urgency::Now);
    let begun = Arc::new(AtomicUsize::new(0));
    let work = endless_passes(&queue, &connected, &ending, &begun);
    let story = async {
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(begun.load(Ordering::SeqCst), 0);
        connect.send_replace(true);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        ending.drain();
        tokio::time::sleep(Duration::from_secs(1)).await;
        ending.abandon();
    };
    tokio::join!(work, story);
    assert!(queue.failures(&key("a")) > 0, "it was given back");
}
