//! The estimator as a whole, over canned answers of a worker.
