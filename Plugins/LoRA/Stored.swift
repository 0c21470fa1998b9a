import PluginAPI

/// How the method is kept: as peft 0.21 writes it, with its other options off.
extension LoRA {
    /// Whether A and B are stored beside what they began as: as one plain LoRA of twice the rank, [A; A₀] and [B, −B₀], which
    /// is also what a reader traces.
    private var isStoredTwice: Bool { start.isPartOfWeight && !relative_to_residual }

    func finish(_ method: MethodGraphs) {
        method.export { export in
            export.loraOptionsOff()
            export.field("init_lora_weights", json: storedStart)
            export.fields(
                ["learning_rate", "loraplus_lr_embedding", "loraplus_lr_ratio", "relative_to_residual"], json: nil)
            if isStoredTwice { exportTwice(method, export) }
        }
    }

    /// A plain LoRA says `true`, and so does what begins in a way that peft does not know together with the other options.
    private var storedStart: String {
        switch start {
        case .random: "false"
        case .gaussian, .orthogonal: lora_bias ? "true" : "\"\(init_lora_weights)\""
        case .pissa, .olora: relative_to_residual ? "\"\(init_lora_weights)\"" : "true"
        case .standard, .loftq: "true"
        }
    }

    /// Ranks and scales of the doubled form: r' = 2 r, and alpha' = 2 alpha, or √2 alpha where the scale goes with √r.
    private func exportTwice(_ method: MethodGraphs, _ export: Export) {
        let factor = use_rslora ? 2.0.squareRoot() : 2
        let (rank, alpha) = (2 * r, factor * lora_alpha)
        var (ranks, alphas): ([String], [String]) = ([], [])
        for site in method.sites {
            func part(_ name: String) -> Value { method.parameter(name, of: site) }
            func keep(_ names: String...) {
                for name in names { export.tensor(site.storedName(of: name), part(name)) }
            }
            if site.kind == .linear {
                let twice =
                    LowRank(A: part("lora_A.weight"), B: part("lora_B.weight"))
                    - LowRank(A: part("lora_A.initial"), B: part("lora_B.initial"))
                export.tensor(site.storedName(of: "lora_A.weight"), twice.A)
                export.tensor(site.storedName(of: "lora_B.weight"), twice.B)
                if lora_bias { keep("lora_B.bias") }
            } else if site.kind == .embedding {
                keep("lora_embedding_A", "lora_embedding_B")
            } else {
                keep(site.copyName(among: method.sites))
                continue
            }
            if use_dora { keep("lora_magnitude_vector") }
            method.withHyperparameters(of: site) {
                let (own, ownAlpha) = site.kind == .linear ? (2 * r, factor * lora_alpha) : (r, lora_alpha)
                if own != rank { ranks.append("\"\(site.name)\": \(own)") }
                if ownAlpha != alpha { alphas.append("\"\(site.name)\": \(ownAlpha)") }
            }
        }
        export.field("r", json: "\(rank)")
        export.field("lora_alpha", json: "\(alpha)")
        export.field("rank_pattern", json: "{\(ranks.joined(separator: ", "))}")
        export.field("alpha_pattern", json: "{\(alphas.joined(separator: ", "))}")
    }

    /// peft's `init_lora_weights` is a boolean or a name. Where it begins with a part of W, its tensors are meant for a base
    /// without that part, which is computed anew.
    func importConfig(_ config: Config) {
        let name = "init_lora_weights"
        switch config.kind(name) {
        case .boolean: config.set(name, to: config.boolean(name) ? "true" : "false")
        case .null: config.set(name, to: "true")
        case .string:
            let start = config.string(name)
            if Start(rawValue: start)?.isPartOfWeight == true { config.set("relative_to_residual", to: true) }
            // These begin with A or B zero, and keep the base; ranks are written out.
            if ["eva", "mica"].contains(start) { config.set(name, to: "true") }
            if start.hasPrefix("pissa_niter_") || ["corda", "lora_ga"].contains(start) {
                config.fail(
                    "init_lora_weights: A and B are meant for the base less what \"\(start)\" took from it, which the "
                        + "folder does not say; save it with peft's path_initial_model_for_weight_conversion")
            }
        default: break
        }
        // How A began, which matters no more.
        config.skip(["eva_config"])
    }
}
