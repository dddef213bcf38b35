/** The command line asks for something that there is not. Ends the program with status 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** A run folder that cannot be used as asked. */
export class RunFolderError extends Error {
  override name = 'RunFolderError';
}
