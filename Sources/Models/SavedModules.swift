import Programs

/// `modules_to_save`: modules of the base that train in full beside a method. Copies of their tensors train; the base stays
/// as it is. As in Hugging Face PEFT, the table and a head that is tied to it become independent: a copy of one leaves the
/// other what it was.
extension LlamaConfiguration {
    /// Where a copy can stand: at every tensor of the task, and of the table where its rows are looked up, which is not
    /// where a tied head uses it.
    package func copySites(for task: Task) -> [SiteDescription] {
        sites(for: task).filter {
            $0.kind == .weight && $0.module != Self.embedding + ".weight" || $0.kind == .embedding
        }
            + (isTied && task == .causalLM ? [weightSite(Self.head + ".weight", [vocabulary, hiddenSize])] : [])
    }

    /// The sites of the modules whose path ends with `name`, in the middle of a word too: `norm` is every norm, and nothing
    /// is everything.
    package func copySites(ofModules name: String, for task: Task) -> [SiteDescription] {
        copySites(for: task).filter { site in
            let module = site.baseModule.split(separator: ".")
            let paths = module.indices.map { module[...$0].joined(separator: ".") }
            // peft wraps no list of modules.
            return paths.contains { $0.hasSuffix(name) && $0 != "model.layers" }
        }
    }
}

extension MethodProgram {
    /// Puts a copy at each of the sites, which come behind the method's own.
    package mutating func addCopies(at sites: [SiteDescription]) throws(ProgramError) {
        var copies: [(number: Int, tensor: TensorDeclaration)] = []
        var number = storedTensors.count
        for site in sites {
            guard let type = site.type(of: .weight) else { continue }
            var tensor = TensorDeclaration("weight", type, .graph)
            // What the Hugging Face form of a method has no place for is kept beside it, as its head is.
            tensor.isSidecar = isWithoutHead
            let copy = add(try Self.graph { $0.parameter(0, type) })
            let start = add(try Self.graph { $0.site(.weight, type) })
            let forward =
                site.kind == .embedding
                ? add(try Self.graph { $0.gather($0.parameter(0, type), $0.argument(0, site.forwardOperands[0])) })
                : copy
            self.sites.append(
                SiteProgram(
                    site: site, tensors: [tensor], initialize: Assignment(graph: start, targets: [0]), forward: forward,
                    merge: .graph(copy)))
            copies.append((number, tensor))
            number += 1
        }
        if exportMap?.namesTensors == true, !isWithoutHead { try export(copies) }
    }

    /// A map that names the tensors which are stored names all of them.
    private mutating func export(_ copies: [(number: Int, tensor: TensorDeclaration)]) throws(ProgramError) {
        guard var map = exportMap else { return }
        let g = GraphBuilder(scope: .parameters)
        var outputs = g.inline(graphs[map.graph]) { _, _ in nil }
        let names = storedTensors.map(\.name)
        for (number, tensor) in copies {
            map.tensors.append(ExportMap.Tensor(name: names[number], output: outputs.count))
            outputs.append(g.parameter(number, tensor.type))
        }
        map.graph = add(try g.finish(outputs))
        exportMap = map
    }

    private static func graph(_ value: (GraphBuilder) -> Value) throws(ProgramError) -> Graph {
        let g = GraphBuilder(scope: .parameters)
        return try g.finish([value(g)])
    }
}
