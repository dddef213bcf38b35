/** Names of PyTorch's parameters in the library's modules. */

const camelCase = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const gates = (weight: string, side: string): string => `${weight}${side === 'ih' ? 'Ih' : 'Hh'}`;

/** Names inside of PyTorch's own modules; `directions` is 2 in bidirectional networks. */
function inModules(name: string, directions: number): string {
  return name
    .replace(
      /(^|\.)running_(mean|var)$/,
      (_, dot, what) => `${dot}running${what === 'mean' ? 'Mean' : 'Var'}`,
    )
    .replace(/(^|\.)num_batches_tracked$/, '$1batchesTracked')
    .replace(
      /(^|\.)(weight|bias)_(ih|hh)_l(\d+)(_reverse)?$/,
      (_, dot, weight, side, layer, reverse) =>
        `${dot}cells.${Number(layer) * directions + (reverse ? 1 : 0)}.${gates(weight, side)}`,
    )
    .replace(/(^|\.)(weight|bias)_(ih|hh)$/, (_, dot, weight, side) => `${dot}${gates(weight, side)}`)
    .replace(/(^|\.)in_proj_(weight|bias)$/, '$1inProj.$2')
    .replace(/(^|\.)out_proj\.(weight|bias)$/, '$1outProj.$2');
}

const inTransformers = (name: string): string =>
  name
    .replace(/(^|\.)self_attn\./, '$1selfAttention.')
    .replace(/(^|\.)multihead_attn\./, '$1crossAttention.');

/**
 * For each of PyTorch's names what the model calls it: the name itself, with PyTorch's names inside of modules replaced by
 * the library's (`running_mean` by `runningMean`, `weight_ih_l1` by `cells.1.weightIh`, `in_proj_weight` by
 * `inProj.weight`, `self_attn` by `selfAttention`), and in camelCase, whichever the model has. `module.`, which DataParallel puts
 * before every name, goes. A name that fits nothing stays as it is.
 *
 * @param has whether the model has a name
 */
export function namesInModel(names: readonly string[], has: (name: string) => boolean): Map<string, string> {
  const isParallel = names.length > 0 && names.every((name) => name.startsWith('module.') && !has(name));
  const stripped = (name: string): string => (isParallel ? name.slice('module.'.length) : name);
  const both = new Set(
    names.flatMap((name) => /^(.*?)weight_ih_l\d+_reverse$/.exec(stripped(name))?.[1] ?? []),
  );
  return new Map(
    names.map((given) => {
      const name = stripped(given);
      const prefix = /^(.*?)(?:weight|bias)_[ih]h_l\d+/.exec(name)?.[1];
      const plain = inModules(name, prefix !== undefined && both.has(prefix) ? 2 : 1);
      const candidates = [
        name,
        plain,
        inTransformers(plain),
        camelCase(plain),
        camelCase(inTransformers(plain)),
      ];
      return [given, candidates.find(has) ?? name];
    }),
  );
}
