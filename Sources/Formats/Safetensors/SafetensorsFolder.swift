import Glibc

extension Safetensors {
    /// A Hugging Face folder: `model.safetensors`, or where that is not there the shards that
    /// `model.safetensors.index.json` lists (`weight_map`: tensor → file).
    ///
    /// - Throws: `FormatError` also where a shard is missing, or index and shards disagree on a tensor.
    package init(folder: String) throws(FormatError) {
        let single = "\(folder)/model.safetensors"
        let index = "\(folder)/model.safetensors.index.json"
        if access(single, F_OK) == 0 {
            try self.init(file: single)
        } else if access(index, F_OK) == 0 {
            try self.init(index: index, folder: folder)
        } else {
            throw FormatError(
                .missing, "there is neither model.safetensors nor model.safetensors.index.json", place: folder)
        }
    }

    private init(index: String, folder: String) throws(FormatError) {
        let document = try JSON.parse(MappedFile.content(index), place: index)
        guard let map = document["weight_map"]?.members else {
            throw FormatError(.corrupt, "there is no weight_map", place: index)
        }
        // Shard → the tensors that the index puts there.
        var shards: [String: Set<String>] = [:]
        for member in map {
            // A path would let the index name any file of the machine.
            guard let shard = member.value.string, !shard.isEmpty, !shard.contains("/"), shard != ".." else {
                throw FormatError(
                    .corrupt, "tensor \(member.key.quoted) is not in a file of the folder", place: index)
            }
            guard shards[shard, default: []].insert(member.key).inserted else {
                throw FormatError(.corrupt, "two tensors are named \(member.key.quoted)", place: index)
            }
        }
        var metadata: [String: String]?
        var tensors: [StoredTensor] = []
        for (name, expected) in shards.sorted(by: { $0.key < $1.key }) {
            let path = "\(folder)/\(name)"
            guard access(path, F_OK) == 0 else {
                throw FormatError(
                    .missing, "the shard \(name.quoted) with \(expected.count) tensors is not in the folder",
                    place: index, remedy: "download the folder again")
            }
            let shard = try Safetensors(file: path)
            if let tensor = expected.sorted().first(where: { shard.tensors[$0] == nil }) {
                throw FormatError(
                    .missing, "tensor \(tensor.quoted) is in the index, but not in \(name.quoted)", place: index)
            }
            if let tensor = shard.tensors.first(where: { !expected.contains($0.name) }) {
                throw FormatError(
                    .corrupt, "the index does not put tensor \(tensor.name.quoted) into this file", place: path)
            }
            metadata = metadata ?? shard.metadata
            tensors += shard.tensors
        }
        self.init(path: folder, metadata: metadata ?? [:], tensors: try TensorTable(tensors, place: folder))
    }
}
