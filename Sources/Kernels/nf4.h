#ifndef PH_NF4_TABLES_H
#define PH_NF4_TABLES_H

/// The 16 numbers of 4-bit NormalFloat, in rising order: quantiles of the normal distribution with an exact 0, scaled to
/// -1 ... 1 (QLoRA, appendix E).
extern const float ph_nf4_values[16];

/// The 256 numbers of the 8-bit dynamic map in rising order: ± 10^(e - 6) times the middles of 2^e equal parts of
/// 0.1 ... 1 for e = 0 ... 6, then 0 and 1 (Dettmers 2015, arXiv:1511.04561, as bitsandbytes lays it out).
extern float ph_dynamic_map[256];

#endif
