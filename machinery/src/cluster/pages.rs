//! Lists in pages, of which one at a time is held.

use kube::Client;
use kube::api::ListParams;
use kube::core::Request as Builder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::{ApiError, Request};
use super::request::json;

/// Objects in a page unless another number is asked for. A page is in memory as text and as objects at once.
const PAGE: u32 = 250;
/// How often a list may begin.
const MOST_BEGINNINGS: u32 = 4;

/// Which objects to list. The default is all.
#[derive(Debug, Clone, Copy)]
pub struct Which<'a> {
    /// Those of a namespace.
    pub namespace: Option<&'a str>,
    /// A label selector; "" selects all.
    pub labels: &'a str,
    /// A field selector, which may only save work: it is dropped where the server does not support it. "" selects all.
    pub fields: &'a str,
    /// Objects in a page.
    pub page: u32,
}

impl Default for Which<'_> {
    fn default() -> Self {
        Self { namespace: None, labels: "", fields: "", page: PAGE }
    }
}

impl Which<'_> {
    fn params(&self) -> ListParams {
        let set = |selector: &str| Some(selector.to_owned()).filter(|selector| !selector.is_empty());
        ListParams {
            label_selector: set(self.labels),
            field_selector: set(self.fields),
            ..ListParams::default().limit(self.page)
        }
    }
}

/// A page, as far as it is used: Go writes `null` for an empty list.
#[derive(Deserialize)]
struct Page<I> {
    #[serde(default)]
    metadata: Continue,
    items: Option<Vec<I>>,
}

#[derive(Deserialize, Default)]
struct Continue {
    #[serde(rename = "continue", default)]
    token: Option<String>,
}

/// Reads the objects below a path, each into what `add` makes of it. A list that expired between two pages begins again
/// with an empty result, for a few times.
///
/// # Errors
/// Any [`ApiError`].
pub(super) async fn fold<I: DeserializeOwned, T: Default>(
    client: &Client,
    request: &Request,
    path: &str,
    which: &Which<'_>,
    mut add: impl FnMut(&mut T, I),
) -> Result<T, ApiError> {
    let mut params = which.params();
    let (mut folded, mut beginnings) = (T::default(), 1);
    loop {
        let page: Result<Page<I>, _> = json(client, request, Builder::new(path).list(&params)).await;
        let page = match page {
            Ok(page) => page,
            Err(error) if error.is_refused_with(400) && params.field_selector.is_some() => {
                params = Which { fields: "", ..*which }.params();
                folded = T::default();
                continue;
            }
            Err(error) if error.is_refused_with(410) && beginnings < MOST_BEGINNINGS => {
                beginnings += 1;
                params.continue_token = None;
                folded = T::default();
                continue;
            }
            Err(error) => return Err(error),
        };
        page.items.into_iter().flatten().for_each(|object| add(&mut folded, object));
        params.continue_token = page.metadata.token.filter(|token| !token.is_empty());
        if params.continue_token.is_none() {
            return Ok(folded);
        }
    }
}
