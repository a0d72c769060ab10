complete -c prometheus-sigv4-proxy -l workspace -d 'The id of the workspace: ws-…' -r
complete -c prometheus-sigv4-proxy -l url -d 'The URL of the workspace, or of another Prometheus API: http(s)://host/workspaces/ws-…' -r
complete -c prometheus-sigv4-proxy -l region -d 'The region of the workspace. Default: that of the host of --url or of the environment' -r
complete -c prometheus-sigv4-proxy -l listen -d 'The address to listen at' -r
complete -c prometheus-sigv4-proxy -s h -l help -d 'Print help (see more with \'--help\')'
complete -c prometheus-sigv4-proxy -s V -l version -d 'Print version'
