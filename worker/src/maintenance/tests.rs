use super::*;

#[test]
fn times_are_told_exactly() {
    assert_eq!(before(7.0), "now() - to_microseconds(604800000000)");
    assert_eq!(before(0.00001), "now() - to_microseconds(864000)");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let with = |text: &str| toml::from_str::<MaintenanceSettings>(text).unwrap().check();
    assert_eq!(toml::from_str::<MaintenanceSettings>("").unwrap(), MaintenanceSettings::default());
    assert_eq!(with("keep-snapshots-days = 0\nevery-minutes = 0.5\ncompaction = false"), Ok(()));
    for bad in ["every-minutes = 0", "every-minutes = nan", "keep-snapshots-days = -1", "delete-files-after-days = inf"]
    {
        let reason = with(bad).unwrap_err();
        assert!(reason.contains(bad.split(' ').next().unwrap()), "{reason}");
    }
}
