import CPeftPlugin

/// Orthogonal fine-tuning (Qiu et al. 2023): the input of a frozen layer is turned, block by block, before the layer sees it.
///
///     y = W (x R) + c        R (in, in) = diag(R₁, …), Rₖ = (I + Q)⁻¹ (I − Q), Q = −Qᵀ (block, block)
///
/// What is stored of Q is its upper triangle, row by row. README.md has the forms and what differs from peft.
struct OFT: Method {
    static let id = "OFT"
    static let peftType = "OFT"
    static let version = "1.0.0"
    static let summary = "turns the input of linear layers by block-diagonal rotations"
    static let paper = "Qiu et al. 2023, arXiv:2306.07280"
    static let defaultLearningRate = 1e-3
    static let capabilities: Capabilities = [.merge, .identityAtInit]
    static let defaultTargets: [Role] = [.query, .value]
    static let siteKinds: [SiteKind] = [.linear, .weight]

    @Hyperparameter("blocks of a layer; 0: by oft_block_size", range: 0...65536) var r = 0
    @Hyperparameter("size of a block; 0: by r", range: 0...4096) var oft_block_size = 32
    @Hyperparameter("stored only, as in peft", range: 0...0.99) var module_dropout = 0.0
    @Hyperparameter("which biases of the base train", choices: ["none", "all", "oft_only"]) var bias = "none"
    @Hyperparameter("start as the base; false: at N(0, 0.1)") var init_weights = true
    @Hyperparameter("keep the rotations near the identity (COFT)") var coft = false
    @Hyperparameter("coft: how near, as the length of all Q of a layer", range: 0...1e6) var eps = 6e-5
    @Hyperparameter("all blocks of a layer turn alike") var block_share = false
    @Hyperparameter("a power series in place of the inverse") var use_cayley_neumann = true
    @Hyperparameter("how many of its terms", range: 2...64) var num_cayley_neumann_terms = 5

    func plan(_ plan: Plan) {
        if (r == 0) == (oft_block_size == 0) {
            return plan.fail("r is \(r) and oft_block_size \(oft_block_size): one of them must be 0, the other not")
        }
        for site in plan.sites where site.kind == .linear { plan.take(site) }
        plan.takeBiases(bias)
    }

    func inject(into site: LinearSite) {
        let size = r == 0 ? divisor(of: site, near: oft_block_size) : site.inputs / divisor(of: site, near: r)
        guard size > 1 else { return site.fail("\(site.name): blocks of one number cannot be turned") }
        let blocks = block_share ? 1 : site.inputs / size
        let triangle = site.parameter(
            "oft_R.weight", shape: [blocks, size * (size - 1) / 2],
            init: init_weights ? .zeros : .normal(deviation: 0.1))
        if coft, !init_weights { site.initialize { site.set(triangle, to: nearIdentity(triangle)) } }
        let turned = { (v: Value, transposed: Bool) in
            let rotations = rotations(triangle, size)
            return Value.concat(
                (0..<site.inputs / size).map { block in
                    let own = block_share ? 0 : block
                    let rotation = rotations.slice(axis: 0, own..<own + 1).reshape([size, size])
                    let part = v.slice(axis: 1, block * size..<(block + 1) * size)
                    return part.matmul(transposed ? rotation.T : rotation)
                }, axis: 1)
        }
        site.forward { x in site.base(turned(x, false)) }
        // (x R) Wᵀ = x (W Rᵀ)ᵀ
        site.merge { W, b in (turned(W, true), b) }
    }

    /// The divisor of the layer's inputs that is nearest to what was asked for, the smaller of two.
    private func divisor(of site: LinearSite, near wanted: Int) -> Int {
        let divisors = (1...site.inputs).filter { site.inputs % $0 == 0 }
        let found = divisors.min { abs($0 - wanted) < abs($1 - wanted) }!
        if found != wanted {
            site.warn("\(site.name): \(found) stands in for \(wanted), which \(site.inputs) is not divided by")
        }
        return found
    }

    /// Triangles (blocks, size (size − 1) / 2) → rotations (blocks, size, size).
    private func rotations(_ triangle: Value, _ size: Int) -> Value {
        let row = Value.iota(size).cast(to: .f32).reshape([size, 1])
        let column = row.reshape([1, size])
        let (low, high) = (row.minimum(column), row.maximum(column))
        // The place of (low, high) in the triangle; the diagonal has none and is 0.
        let place = (low * Double(size) - low * (low + 1) / 2 + high - low - 1).maximum(0).cast(to: .i32)
        let sign = (row.isLess(than: column) - column.isLess(than: row)).reshape([size, size, 1])
        let Q = (triangle.T.gather(place) * sign).transpose([2, 0, 1])
        let identity = row.equals(column)
        guard use_cayley_neumann else { return (identity + Q).solve(identity - Q) }
        // I + 2 Q + 2 Q² + …, the last term once: (I + Q)² summed as far as the terms go, with −Q for Q.
        var (sum, power) = (identity + 2 * Q, Q)
        guard num_cayley_neumann_terms > 2 else { return sum }
        for _ in 2..<max(3, num_cayley_neumann_terms - 1) {
            power = power.matmul(Q)
            sum = sum + 2 * power
        }
        return sum + power.matmul(Q)
    }

    /// COFT: each Q no longer than eps / √blocks.
    private func nearIdentity(_ triangle: Value) -> Value {
        let blocks = triangle.shape.first ?? 1
        let length = 2.0.squareRoot() * triangle.norm(1, keep: true)
        return triangle * (Value.scalar(eps / Double(blocks).squareRoot()) / length).minimum(1)
    }

    /// A bias of the base.
    func inject(into site: WeightSite) { site.train() }

    func finish(_ method: MethodGraphs) {
        method.export { $0.field("fan_in_fan_out", json: "false") }
        guard coft else { return }
        let layers = method.sites.filter { $0.kind == .linear }.map {
            ($0.name, method.parameter("oft_R.weight", of: $0))
        }
        method.update { for (_, triangle) in layers { method.set(triangle, to: nearIdentity(triangle)) } }
        method.import { stored in
            for (name, triangle) in layers {
                let values = stored("base_model.model.\(name).oft_R.weight", triangle.shape)
                method.set(triangle, to: nearIdentity(values))
            }
        }
    }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(OFT.self, host)
}
