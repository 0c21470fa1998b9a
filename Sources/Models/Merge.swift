import Engine
import Programs

/// Merging: the method's merge graphs, run once on the frozen tensors. The base is never written to, so unmerging is to
/// let go of what is made here.
extension AdaptedModel {
    /// The same model without the method: its base has new float32 tensors where the method stood; the head is this one's.
    ///
    /// - Throws: as ``mergedTensors(on:)``.
    package func merged(on pool: WorkerPool) throws -> AdaptedModel {
        let base = Model(model, replaced: try mergedTensors(on: pool))
        let result = try AdaptedModel(base, method: nil, task: task, seed: seed)
        if let head, let copy = result.head { result.tensors[copy] = tensors[head] }
        return result
    }

    /// The base's tensors that merging changes, float32, by Hugging Face's names.
    ///
    /// - Throws: `ModelError` with the method's reason where it cannot be merged.
    package func mergedTensors(on pool: WorkerPool) throws -> [String: FrozenTensor] {
        guard let method, let injector = program.injector else { return [:] }
        for site in method.sites {
            guard case .refused(let reason) = site.merge else { continue }
            throw ModelError(
                "\(method.method) cannot be merged at \(site.site.module): \(reason)", place: model.path,
                remedy: "use it as an adapter")
        }
        var merged: [String: FrozenTensor] = [:]
        let none = Sizes(tokens: 0, rows: 0, targets: 0)
        // Trained copies first: the layers are merged on top of them.
        let order = method.sites.indices.filter { method.sites[$0].site.kind == .weight }
        for index in order + method.sites.indices.filter({ method.sites[$0].site.kind != .weight }) {
            let site = method.sites[index]
            guard case .graph(let number) = site.merge else { continue }
            let g = GraphBuilder()
            let operands = zip(site.site.tensorNames, site.site.mergeTypes).map { g.frozen($0, $1) }
            let values = injector.merged(
                number, at: index, operands: operands, in: g, frozen: frozenParts(at: index, in: g))
            let graph = try g.finish(values)
            // Where the head is the embedding table, the method changes the table alone.
            if site.site.kind == .embedding, model.configuration.isTied, merged["lm_head.weight"] == nil {
                let table = site.site.tensorNames[0]
                let shape = site.site.mergeTypes[0].shape.map(\.code)
                merged["lm_head.weight"] = try merged[table] ?? model.tensor(table, shape: shape)
            }
            let executable = try compile(graph, capacity: none, inputs: nil, replaced: merged)
            executable.run(RunContext(sizes: none), on: pool)
            for (output, name) in zip(graph.outputs.indices, site.site.tensorNames)
            where graph.node(graph.outputs[output]).attributes.text != name {
                let shape = graph.type(graph.outputs[output]).shape.map(\.code)
                merged[name] = FrozenTensor(executable.array(output, none), shape: shape)
            }
        }
        return merged
    }
}
