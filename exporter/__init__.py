"""Everything that computes with torch: models, SAEs, sweeps, explanations, and the writer of evidence."""
