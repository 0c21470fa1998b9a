import PluginAPI

/// How the method is kept: as peft 0.21 writes it, with its other options off.
extension LoRA {
    /// Whether A and B are stored beside what they began as: as one plain LoRA of twice the rank, [A; A₀] and [B, −B₀], which
    /// is also what a reader traces.
    private var isStoredTwice: Bool { start.isPartOfWeight && !relative_to_residual }

    func finish(_ method: MethodGraphs) {
        method.export { export in
            for name in [
                "alora_invocation_tokens", "arrow_config", "corda_config", "eva_config", "kasa_config",
                "layer_replication", "lora_ga_config", "megatron_config", "monteclora_config", "target_parameters",
                "trainable_token_indices", "use_bdlora", "velora_config",
            ] {
                export.field(name, json: "null")
            }
            for name in ["ensure_weight_tying", "fan_in_fan_out", "use_qalora"] { export.field(name, json: "false") }
            export.field("init_lora_weights", json: storedStart)
            export.field("loftq_config", json: "{}")
            export.field("megatron_core", json: "\"megatron.core\"")
            export.field("qalora_group_size", json: "16")
            for name in ["loraplus_lr_ratio", "relative_to_residual"] { export.field(name, json: nil) }
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
            let module = "base_model.model.\(site.name)"
            func keep(_ names: String...) {
                for name in names { export.tensor("\(module).\(name)", method.parameter(name, of: site)) }
            }
            if site.kind == .linear {
                func part(_ name: String) -> Value { method.parameter(name, of: site) }
                let (A, A0) = (part("lora_A.weight"), part("lora_A.initial"))
                let (B, B0) = (part("lora_B.weight"), part("lora_B.initial"))
                export.tensor("\(module).lora_A.weight", Value.concat([A, A0], axis: 0))
                export.tensor("\(module).lora_B.weight", Value.concat([B, -B0], axis: 1))
                if lora_bias { keep("lora_B.bias") }
            } else if site.kind == .embedding {
                keep("lora_embedding_A", "lora_embedding_B")
            }
            if site.kind == .weight {
                let isWrapped = method.sites.contains { $0.kind == .linear && $0.name + ".bias" == site.name }
                let name = isWrapped ? "base_layer.bias" : "weight"
                let stored = isWrapped ? "\(site.name.dropLast(4))base_layer.bias" : site.name
                export.tensor("base_model.model.\(stored)", method.parameter(name, of: site))
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
        _ = config.kind("eva_config")
    }
}
