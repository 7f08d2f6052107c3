//! The service accounts of the programs: those that are named, else those of the pods that hold the Leases.

use futures_util::future::join_all;
use machinery::cluster::plain::Resource;

use super::programs::{CONTROLLER, busy_drivers, leases_of};
use super::seen::{Lease, Seen};
use crate::arguments::{Account, CheckArgs};
use crate::fields::owned;
use crate::session::Session;

const PODS: Resource = Resource { group: "", version: "v1", plural: "pods" };

/// A program whose rights are to be looked at.
#[derive(Debug)]
pub struct Program {
    /// What it is called.
    pub name: String,
    pub role: Role,
    /// Its account, or why that is not known.
    pub account: Result<Account, String>,
    /// Where its Lease is.
    pub namespace: Option<String>,
}

/// What a program has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Controller,
    Sidecar {
        /// A class of its driver names a Secret.
        has_secrets: bool,
        /// A class of its driver is one of groups.
        has_groups: bool,
    },
}

/// Finds the accounts of the snapshot-controller and of each driver's sidecar.
pub async fn find(session: &Session, args: &CheckArgs, seen: &Seen) -> Vec<Program> {
    let mut programs = vec![controller(session, args, seen).await];
    if args.sidecar_accounts.is_empty() {
        let drivers = busy_drivers(seen);
        let leases = seen.leases.as_deref().unwrap_or_default();
        let each = drivers.keys().map(|driver| sidecar(session, driver, leases, seen));
        programs.extend(join_all(each).await.into_iter().flatten());
    } else {
        let role = role(seen, |_| true);
        programs.extend(args.sidecar_accounts.iter().map(|account| Program {
            name: format!("sidecar as {account}"),
            role,
            account: Ok(account.clone()),
            namespace: Some(account.namespace.clone()),
        }));
    }
    programs
}

async fn controller(session: &Session, args: &CheckArgs, seen: &Seen) -> Program {
    let leases = seen.leases.iter().flatten().filter(|lease| lease.name == CONTROLLER);
    let lease = leases.max_by_key(|lease| (lease.is_held(seen.clock), lease.renewed));
    let account = match (&args.controller_account, lease) {
        (Some(given), _) => Ok(given.clone()),
        (None, Some(lease)) => account_of(session, lease).await,
        (None, None) => Err("no Lease leads to its pod".to_owned()),
    };
    let namespace = lease.map(|lease| lease.namespace.clone());
    Program { name: "snapshot-controller".to_owned(), role: Role::Controller, account, namespace }
}

/// `None` without a Lease: the sidecar may not run at all, which has a line of its own.
async fn sidecar(session: &Session, driver: &str, leases: &[Lease], seen: &Seen) -> Option<Program> {
    let lease =
        *leases_of(driver, leases).iter().max_by_key(|lease| (lease.is_held(seen.clock), lease.renewed))?;
    Some(Program {
        name: format!("sidecar of {driver}"),
        role: role(seen, |other| other == driver),
        account: account_of(session, lease).await,
        namespace: Some(lease.namespace.clone()),
    })
}

fn role(seen: &Seen, is_its: impl Fn(&str) -> bool) -> Role {
    let classes = || seen.classes.iter().flatten().filter(|class| is_its(&class.driver));
    let of_groups = || seen.group_classes.iter().flatten().filter(|class| is_its(&class.driver));
    Role::Sidecar {
        has_secrets: classes().chain(of_groups()).any(|class| class.has_secret),
        has_groups: of_groups().next().is_some(),
    }
}

/// The account of the pod that holds a Lease: the holder is named after its pod, the reference's plainly, ours with more
/// behind an underscore, which no pod's name has.
async fn account_of(session: &Session, lease: &Lease) -> Result<Account, String> {
    let holder = lease.holder.as_deref().ok_or_else(|| format!("nobody holds the Lease {}", lease.key()))?;
    let pod = holder.split('_').next().unwrap_or(holder);
    let object = session.get_plain(&PODS, &format!("{}/{pod}", lease.namespace)).await;
    let object = object.map_err(|unread| format!("its pod is not known: {unread}"))?;
    let name = owned(&object, "/spec/serviceAccountName").unwrap_or_else(|| "default".to_owned());
    Ok(Account { namespace: lease.namespace.clone(), name })
}
