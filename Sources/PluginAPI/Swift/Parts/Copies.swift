/// Tensors of the base that train themselves, beside what a method adds to it.
extension Plan {
    /// Takes the biases that Hugging Face's `bias` names: `none`; `all`; else (`lora_only`) those of the linear layers that are
    /// adapted. An error where the base has none of them.
    public func takeBiases(_ which: String) {
        guard which != "none" else { return }
        let all = sites
        let biases = all.filter { $0.role == .bias && (which == "all" || $0.isBias(ofOneOf: all)) }
        if biases.isEmpty { fail("bias=\(which): there are no such biases in the base") }
        for site in biases { take(site) }
    }
}

extension WeightSite {
    /// Trains a copy of the tensor in its place.
    /// - Parameter name: as it is stored; by default what peft calls it, which is the tensor's own name, or `base_layer.bias`
    ///   of a bias whose layer is adapted.
    public func train(as name: String? = nil, learningRateMultiplier: Double = 1) {
        let copy = parameter(
            name ?? info.copyName(among: sites), shape: shape, init: .graph,
            learningRateMultiplier: learningRateMultiplier)
        initialize { set(copy, to: weight) }
        forward { copy }
        merge { _ in copy }
    }
}

extension SiteInfo {
    /// What the copy of a tensor is called that ``WeightSite/train(as:learningRateMultiplier:)`` trains.
    public func copyName(among sites: [SiteInfo]) -> String { isBias(ofOneOf: sites) ? "base_layer.bias" : "weight" }

    fileprivate func isBias(ofOneOf sites: [SiteInfo]) -> Bool {
        sites.contains { $0.kind == .linear && $0.name + ".bias" == name }
    }

    /// The full name under which the host stores a site's parameter by default.
    public func storedName(of parameter: String) -> String {
        switch kind {
        case .prompt: return parameter
        case .weight where parameter == "weight": return "base_model.model.\(name)"
        case .weight, .block:
            // Beside the tensor or block.
            let module = name.split(separator: ".").dropLast().joined(separator: ".")
            return "base_model.model.\(module).\(parameter)"
        default: return "base_model.model.\(name).\(parameter)"
        }
    }
}
