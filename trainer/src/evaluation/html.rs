//! html
use super::Report;
pub struct Facts {
    pub title: String,
    pub about: Vec<(String, String)>,
    pub notes: Vec<String>,
    pub is_met_kept: bool,
}
pub fn page(_facts: &Facts, _reports: &[Report]) -> String {
    String::new()
}
