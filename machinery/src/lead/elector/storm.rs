//! Three replicas under random faults: never do two lead at once, and one leads once the faults end.

use super::fixtures::*;
use super::*;

const REPLICAS: usize = 3;
const MINUTES: u64 = 10;
/// The longest time that a request travels.
const SLOWEST: Duration = Duration::from_secs(20);

fn weather() -> Line {
    match fastrand::u32(..10) {
        0 => Line::Refused,
        1 => Line::Hangs,
        2 => Line::Deaf,
        3..6 => Line::Slow(SLOWEST.mul_f64(fastrand::f64())),
        _ => Line::Up,
    }
}

/// Runs ten minutes of faults, one every few seconds. Returns how often the leader changed.
async fn storm(seed: u64) -> usize {
    fastrand::seed(seed);
    let (server, mut born) = (Server::new(), 0);
    let mut birth = || {
        born += 1;
        let wall = if fastrand::bool() { now } else { an_hour_ahead };
        replica_at(&server, &format!("replica-{born}"), wall)
    };
    let mut replicas: Vec<_> = (0..REPLICAS).map(|_| birth()).collect();
    let (mut leader, mut changes) = (None, 0);
    let start = Instant::now();
    while start.elapsed() < Duration::from_mins(MINUTES) {
        let which = fastrand::usize(..REPLICAS);
        match fastrand::u32(..8) {
            // Like kill -9: the leadership ends with its process.
            0 => {
                replicas[which].task.abort();
                replicas[which] = birth();
            }
            1 => replicas[which].stop.cancel(),
            2 => {
                let mut edited = server.lease();
                edited["metadata"]["annotations"]["edit"] = fastrand::u32(..).into();
                if edited["spec"].is_object() {
                    server.set(Some(edited));
                }
            }
            _ => *replicas[which].line.lock().unwrap() = weather(),
        }
        for _ in 0..fastrand::u32(1..50) {
            sleep(Duration::from_millis(100)).await;
            let leaders: Vec<_> = (0..REPLICAS).filter(|n| replicas[*n].leadership.holds()).collect();
            assert!(leaders.len() <= 1, "seed {seed}: {leaders:?} after {:?}", start.elapsed());
            if let Some(now) = leaders.first()
                && leader != Some(*now)
            {
                (leader, changes) = (Some(*now), changes + 1);
            }
        }
        for replica in replicas.iter_mut().filter(|replica| replica.task.is_finished()) {
            *replica = birth();
        }
    }
    for replica in &mut replicas {
        *replica.line.lock().unwrap() = Line::Up;
        if replica.stop.is_cancelled() || replica.task.is_finished() {
            replica.task.abort();
            *replica = birth();
        }
    }
    let claims: Vec<_> = replicas.iter().map(|replica| &replica.leadership).collect();
    // Let delayed requests arrive and hanging ones time out.
    pass(&claims, SLOWEST).await;
    until(&claims, TAKE_OVER, || claims.iter().any(|leadership| leadership.holds())).await;
    // These tasks must not run in the next storm.
    for replica in &replicas {
        replica.task.abort();
    }
    changes
}

#[tokio::test(start_paused = true)]
async fn no_two_replicas_lead_at_once_during_faults_and_one_leads_after_them() {
    let mut changes = 0;
    for seed in 0..15 {
        changes += storm(seed).await;
    }
    assert!(changes > 50, "only {changes} changes of the leader: the faults test nothing");
}
